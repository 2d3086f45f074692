"""Makes a table of vectors of characters, n-grams and words, as spaCy keeps them."""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import spacy
from spacy.language import Language
from spacy.strings import StringStore
from spacy.util import load_config
from spacy.vectors import Vectors

from spacy_bioner.directories import check_may_stand, written_whole
from spacy_bioner.errors import VectorsError
from spacy_bioner.lexicon import Lexicon
from spacy_bioner.rawtext.shards import Shard, find_shards, read_manifest
from spacy_bioner.vectors.model_card import vectors_card
from spacy_bioner.vectors.skipgram import SkipGram, UnitVectors, train_skipgram, write_units
from spacy_bioner.vectors.units import Units, characters, ngrams, tokens, words


@dataclass(frozen=True, slots=True)
class VectorRows:
    """Most rows of the table for each kind of unit; 0 for none. Raises VectorsError below 0.

    Of units that occur equally often, at the limit, none has a row.
    """

    characters: int = 10_000
    bigrams: int = 100_000
    trigrams: int = 0
    words: int = 50_000
    tokens: int = 0

    def __post_init__(self) -> None:
        for name in self.__slots__:
            if getattr(self, name) < 0:
                raise VectorsError(f"{name} is {getattr(self, name)}; it must be at least 0.")


def make_vectors(
    inputs: Sequence[Path],
    out: Path,
    *,
    rows: VectorRows | None = None,
    settings: SkipGram | None = None,
    weights: Mapping[str, float] | None = None,
    lexicon: Path | None = None,
    lang: str = "zh",
    force: bool = False,
) -> dict[str, int]:
    """Write a blank pipeline whose vectors are learnt from text, and return its rows by kind.

    The pipeline is named in a config as [initialize] vectors. The table is half precision;
    rows are scaled so that their mean square is 1 within each kind. With a lexicon its
    words that occur get rows, and `words.tsv` beside the table says how often each does.
    Tokens are those of the language's tokenizer, in lower case. `README.md` names the sources.

    inputs: files or folders of text, a paragraph a line. weights: by shard.

    Raises VectorsError, LexiconError, CorpusError, ConfigError and OutputExistsError.
    """
    check_may_stand(out, "a table of vectors alone", _is_table, force=force)
    shards = find_shards(inputs, weights or {})
    licences = read_manifest(shards)
    nlp, settings = _blank(lang), settings or SkipGram()
    # by a pipeline of its own, as tokenizers put all that they read into their vocabulary
    tables = _tables(shards, rows or VectorRows(), settings, lexicon, _blank(lang))
    counts = {kind: len(table.keys) for kind, table in tables.items()}
    card = vectors_card(counts, settings, shards, licences, lexicon.name if lexicon else None)
    nlp.vocab.vectors = _table(tables, nlp.vocab.strings)
    with written_whole(out) as directory:
        nlp.to_disk(directory)
        if "words" in tables:
            _write_counts(tables["words"], directory / "words.tsv")
        (directory / "README.md").write_text(card, encoding="utf-8")
    return counts


def _blank(lang: str) -> Language:
    try:
        return spacy.blank(lang)
    except ImportError as error:
        raise VectorsError(f"spaCy knows no language {lang!r} ({error})") from None


def _tables(
    shards: Sequence[Shard],
    rows: VectorRows,
    settings: SkipGram,
    lexicon: Path | None,
    nlp: Language,
) -> dict[str, UnitVectors]:
    """Train vectors of each kind of unit that is asked for."""
    terms = Lexicon.from_file(lexicon, shortest=2) if lexicon else None
    if terms is not None and (cut := sum(len(term.split()) > 1 for term in terms.terms)):
        warnings.warn(f"{cut} terms of {lexicon} hold blanks: they get no vector.", stacklevel=2)
    kinds = _kinds(rows, terms, nlp)
    if not kinds:
        raise VectorsError("no kind of unit is asked for: give a number of rows above 0.")
    # the units of words are characters too, of which none counts among the rows
    tables = {
        kind: _train(kind, shards, units, None if kind == "words" else wanted, settings)
        for kind, (units, wanted) in kinds.items()
    }
    if terms is not None and "words" in tables:
        tables["words"] = tables["words"].only(set(terms.terms), rows.words)
        if not tables["words"].keys:
            raise VectorsError(
                f"no term of the lexicon occurs {settings.min_count} times in the texts: give a "
                "lower min_count, or another lexicon."
            )
    return tables


def _kinds(
    rows: VectorRows, lexicon: Lexicon | None, nlp: Language
) -> dict[str, tuple[Units, int]]:
    kinds: dict[str, tuple[Units, int]] = {
        "characters": (characters, rows.characters),
        "bigrams": (ngrams(2), rows.bigrams),
        "trigrams": (ngrams(3), rows.trigrams),
    }
    if lexicon is not None:
        kinds["words"] = (words(lexicon), rows.words)
    kinds["tokens"] = (
        tokens(lambda text: [token.text for token in nlp.tokenizer(text)]),
        rows.tokens,
    )
    return {kind: (units, wanted) for kind, (units, wanted) in kinds.items() if wanted > 0}


def _train(
    kind: str, shards: Sequence[Shard], units: Units, rows: int | None, settings: SkipGram
) -> UnitVectors:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "units.txt"
        write_units(shards, units, path, settings.seed)
        try:
            return train_skipgram(path, rows, settings)
        except VectorsError as error:
            raise VectorsError(f"{kind}: {error}") from None


def _table(tables: Mapping[str, UnitVectors], strings: StringStore) -> Vectors:
    """Return one table; of a key that two kinds have, as a single character, the first counts."""
    keys: dict[str, np.ndarray] = {}
    for table in tables.values():
        scale = float(np.sqrt(np.mean(np.square(table.data))))
        for key, vector in zip(table.keys, table.data / scale, strict=True):
            keys.setdefault(key, vector)
    for key in keys:
        strings.add(key)  # so that keys and neighbours can be read back
    data = np.stack(list(keys.values())).astype(np.float16)
    return Vectors(strings=strings, data=data, keys=list(keys), name="spacy_bioner.vectors")


def _write_counts(table: UnitVectors, path: Path) -> None:
    lines = (f"{key}\t{n}\n" for key, n in zip(table.keys, table.counts, strict=True))
    path.write_text("".join(lines), encoding="utf-8")


def _is_table(path: Path) -> bool:
    """Whether a blank pipeline stands there: trained ones have a table of vectors too."""
    if not (path / "vocab" / "vectors").is_file():
        return False
    try:
        return not load_config(path / "config.cfg")["nlp"]["pipeline"]
    except (OSError, ValueError, KeyError):
        return False
