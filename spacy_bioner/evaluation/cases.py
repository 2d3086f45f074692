"""What is scored: documents with the mentions that are there and those that were found."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from spacy.tokens import Doc
from spacy.training import Example

from spacy_bioner.errors import ConfigError

SCORES_KEY = "bioner"  # doc.spans: the entities found, with attrs["scores"]


class Mention(NamedTuple):
    """An entity from token `start` up to token `end`, exclusive."""

    start: int
    end: int
    label: str


@dataclass(frozen=True, slots=True)
class Case:
    """One document: what is there and what was found.

    tokens: (start, end) in characters of the tokens of the gold document, which all
        mentions count in.
    gold, found: mentions in order, none twice.
    confidences: of `found`, None where there are none.
    ignored: found mentions left out, since they touch tokens without annotation, or are on
        the gold's tokens, which may be longer, the same as another.
    widened: found mentions that did not fit the gold tokens and were grown to them.
    """

    id: str
    text: str
    tokens: tuple[tuple[int, int], ...]
    gold: tuple[Mention, ...]
    found: tuple[Mention, ...]
    confidences: tuple[float, ...] | None = None
    genre: str = ""
    sections: tuple[tuple[int, int, str], ...] = ()
    ignored: int = 0
    widened: int = 0

    def offsets(self, mention: Mention) -> tuple[int, int]:
        """(start, end) of a mention in characters."""
        return self.tokens[mention.start][0], self.tokens[mention.end - 1][1]

    def text_of(self, mention: Mention) -> str:
        start, end = self.offsets(mention)
        return self.text[start:end]

    def section_of(self, mention: Mention) -> str:
        """The name of the section that a mention starts in, "" where there is none."""
        position, _ = self.offsets(mention)
        return next((name for start, end, name in self.sections if start <= position < end), "")


class Group(NamedTuple):
    """Mentions of a document that overlap, one the next; none beyond them does."""

    gold: tuple[Mention, ...]
    found: tuple[Mention, ...]


def overlapping(gold: Iterable[Mention], found: Iterable[Mention]) -> Iterator[Group]:
    """Mentions of a document in groups, in order."""
    mentions = [(m, True) for m in gold] + [(m, False) for m in found]
    group: list[tuple[Mention, bool]] = []
    end = 0
    for mention, is_gold in sorted(mentions):
        if group and mention.start >= end:
            yield _group(group)
            group = []
        end = max(end, mention.end) if group else mention.end
        group.append((mention, is_gold))
    if group:
        yield _group(group)


def _group(mentions: Sequence[tuple[Mention, bool]]) -> Group:
    gold, found = (tuple(m for m, is_gold in mentions if is_gold is side) for side in (True, False))
    return Group(gold, found)


def make_cases(gold: Iterable[Doc], found: Iterable[Doc]) -> list[Case]:
    """Cases of gold documents and the same documents with predictions, in the same order.

    Alignment and missing annotation are treated as spaCy's Scorer does: a found mention
    is grown to the gold tokens that it touches, and left out if one of them is not
    annotated; a document without any annotation is no case.
    Raises ConfigError where the documents are not the same.
    """
    golds, founds = list(gold), list(found)
    if len(golds) != len(founds):
        raise ConfigError(
            f"{len(golds):,} documents in the gold data but {len(founds):,} in the predictions: "
            "give predictions for the same documents, in the same order"
        )
    pairs = enumerate(zip(golds, founds, strict=True), 1)
    return [
        _case(reference, predicted, n)
        for n, (reference, predicted) in pairs
        if reference.has_annotation("ENT_IOB")
    ]


def _case(gold: Doc, found: Doc, number: int) -> Case:
    name = str(gold.user_data.get("id", f"document {number}"))
    if _visible(gold.text) != _visible(found.text):
        raise ConfigError(
            f"{name} (number {number}): its text in the predictions is not that of the gold "
            "data. Give predictions for the same documents, in the same order."
        )
    mentions, confidences, ignored, widened = _found_mentions(gold, found)
    return Case(
        id=name,
        text=gold.text,
        tokens=tuple((token.idx, token.idx + len(token)) for token in gold),
        gold=tuple(sorted({Mention(e.start, e.end, e.label_) for e in gold.ents})),
        found=mentions,
        confidences=confidences,
        genre=str(gold.user_data.get("genre", "")),
        sections=_sections(gold),
        ignored=ignored,
        widened=widened,
    )


def _sections(doc: Doc) -> tuple[tuple[int, int, str], ...]:
    """As `convert` keeps them; others may have something else under that name."""
    kept = doc.user_data.get("sections", ())
    if not isinstance(kept, (list, tuple)):
        return ()
    entries = [entry for entry in kept if isinstance(entry, (list, tuple)) and len(entry) == 3]
    if len(entries) < len(kept):
        return ()
    return tuple((int(start), int(end), str(part)) for start, end, part in entries)


def _visible(text: str) -> str:
    return "".join(text.split())


def _found_mentions(
    gold: Doc, found: Doc
) -> tuple[tuple[Mention, ...], tuple[float, ...] | None, int, int]:
    scores = _confidences(found)
    indices = Example(found, gold).alignment.x2y
    kept: dict[Mention, float] = {}
    ignored = widened = 0
    for entity in found.ents:
        touched = indices[entity.start : entity.end]
        if not len(touched):
            ignored += 1
            continue
        start, end = int(touched[0]), int(touched[-1]) + 1
        if any(token.ent_iob == 0 for token in gold[start:end]):
            ignored += 1
            continue
        widened += gold[start:end].text != entity.text
        mention = Mention(start, end, entity.label_)
        ignored += mention in kept
        place = entity.start_char, entity.end_char, entity.label_
        kept[mention] = scores.get(place, float("nan"))
    mentions = tuple(sorted(kept))
    confidences = tuple(kept[mention] for mention in mentions)
    complete = bool(scores) or not found.ents
    known = complete and not any(value != value for value in confidences)
    has_scores = SCORES_KEY in found.spans
    return mentions, confidences if known and has_scores else None, ignored, widened


def _confidences(doc: Doc) -> dict[tuple[int, int, str], float]:
    if SCORES_KEY not in doc.spans:
        return {}
    group = doc.spans[SCORES_KEY]
    scores, places = group.attrs.get("scores", ()), group.attrs.get("places")
    if len(scores) != len(group):
        return {}
    if places is None:
        places = [(span.start_char, span.end_char, span.label_) for span in group]
    # by characters, since spaCy's groups hold wrong tokens once some are merged
    return {(a, b, label): float(p) for (a, b, label), p in zip(places, scores, strict=True)}


def case_of_tags(gold: Sequence[str], found: Sequence[str], id: str = "") -> Case:
    """The case of one sentence of IOB tags, one token each, read as conlleval does.

    Raises ConfigError if the two differ in length.
    """
    from spacy_bioner.evaluation.conlleval import read_chunks

    if len(gold) != len(found):
        raise ConfigError(f"sentence {id!r}: {len(gold)} gold tags but {len(found)} found")
    tokens = tuple((n, n + 1) for n in range(len(gold)))
    return Case(id, "x" * len(gold), tokens, read_chunks(gold), read_chunks(found))
