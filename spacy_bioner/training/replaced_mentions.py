"""Names from lexicons in the place of mentions: others in each pass over the training data."""

from __future__ import annotations

import random
import re
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import TypeAlias

from spacy.tokens import Doc, Span
from spacy.training import Example

from spacy_bioner.errors import ConfigError
from spacy_bioner.lexicon import Lexicon

Batcher: TypeAlias = Callable[[Iterable[Example]], Iterator[list[Example]]]
_Name: TypeAlias = list[tuple[str, bool]]  # its tokens, and whether a blank follows
_TOKEN = re.compile(r"[㐀-鿿]|[^\W㐀-鿿]+|[^\w\s]")  # a Han character, a word, a mark
_MISSING = 0  # `ent_iob` of a token whose annotation is not known


def build_replaced_mentions(
    batcher: Batcher,
    lexicons: dict[str, str],
    share: float = 0.3,
    longest: int = 5,
    seed: int = 0,
) -> Batcher:
    """Registered as `spacy_bioner.replaced_mentions.v1`, around another batcher.

    In each batch a share of the mentions of each label that has a lexicon, each by chance, gives
    way to a name of it, so that a tagger learns what names look like and stand among, and not
    the few that its training data has. Mentions of one text in a document stay one. What is
    capital at the beginning stays so; abbreviations (a token, in capitals) stay as they are, and so
    do documents that are annotated in part, or have spans of other kinds.

    batcher: as `spacy.batch_by_sequence.v1`. lexicons: a file of terms for each label. share: of
    the mentions. longest: tokens of a name; longer ones are not taken. seed: of the choice.

    Raises ConfigError for a share outside [0, 1] or a lexicon without a name that is short enough,
    LexiconError and CorpusError as `Lexicon.from_file`.
    """
    if not 0 <= share <= 1:
        raise ConfigError(f"replaced_mentions.v1: share = {share} must be from 0 to 1")
    names = {label: _names_of(Path(path), longest) for label, path in lexicons.items()}
    rng = random.Random(seed)

    def batches(items: Iterable[Example]) -> Iterator[list[Example]]:
        met: set[str] = set()
        for batch in batcher(items):
            met |= {entity.label_ for example in batch for entity in example.reference.ents}
            yield [_with_other_names(example, names, share, rng) for example in batch]
        if share and names and not met & names.keys():
            warnings.warn(
                f"[training.batcher.lexicons] has names for {', '.join(names)}, and "
                f"the training data has {', '.join(sorted(met)) or 'no mention'}: none is replaced",
                stacklevel=1,
            )

    return batches


def _names_of(path: Path, longest: int) -> list[_Name]:
    found = (_tokens_of(term) for term in Lexicon.from_file(path).terms)
    names = [tokens for tokens in found if 0 < len(tokens) <= longest]
    if not names:
        raise ConfigError(f"{path}: has no name of at most {longest} tokens")
    return names


def _tokens_of(term: str) -> _Name:
    return [(m[0], term[m.end() : m.end() + 1].isspace()) for m in _TOKEN.finditer(term)]


def _with_other_names(
    example: Example, names: Mapping[str, list[_Name]], share: float, rng: random.Random
) -> Example:
    """A new example, or the same where nothing is to be replaced."""
    doc = example.reference
    chosen: dict[tuple[str, str], _Name] = {}  # of mentions that give way, by label and text
    kept: set[tuple[str, str]] = set()
    for entity in doc.ents if _is_plain(doc) else ():
        key = entity.label_, entity.text
        if key in kept or key in chosen:
            continue
        if entity.label_ in names and not _is_short_form(entity) and rng.random() < share:
            chosen[key] = rng.choice(names[entity.label_])
        else:
            kept.add(key)
    return _replaced(doc, chosen) if chosen else example


def _is_plain(doc: Doc) -> bool:
    """Whether all is known of its tokens, and nothing else is said of them."""
    if any(doc.spans.values()) or "labelled_types" in doc.user_data:
        return False
    return all(token.ent_iob != _MISSING for token in doc)


def _is_short_form(entity: Span) -> bool:
    return len(entity) == 1 and entity[0].is_upper


def _replaced(doc: Doc, chosen: Mapping[tuple[str, str], _Name]) -> Example:
    words: list[str] = []
    spaces: list[bool] = []
    entities: list[tuple[int, int, str]] = []
    end = 0
    for entity in doc.ents:
        _copy(doc[end : entity.start], words, spaces)
        begin, end = len(words), entity.end
        name = chosen.get((entity.label_, entity.text))
        if name is None:
            _copy(entity, words, spaces)
        else:
            words += _in_case_of(entity[0].text, [token for token, _ in name])
            spaces += [*(blank for _, blank in name[:-1]), bool(entity[-1].whitespace_)]
        entities.append((begin, len(words), entity.label_))
    _copy(doc[end:], words, spaces)
    predicted, reference = (Doc(doc.vocab, words=words, spaces=spaces) for _ in range(2))
    reference.ents = [Span(reference, *places[:2], label=places[2]) for places in entities]
    return Example(predicted, reference)


def _copy(tokens: Span, words: list[str], spaces: list[bool]) -> None:
    words += [token.text for token in tokens]
    spaces += [bool(token.whitespace_) for token in tokens]


def _in_case_of(replaced: str, name: list[str]) -> list[str]:
    if not replaced[:1].isupper():
        return name
    return [name[0][:1].upper() + name[0][1:], *name[1:]]
