"""The words and the text of a document, without an object for each of its tokens."""

from __future__ import annotations

from spacy.attrs import ORTH, SPACY
from spacy.tokens import Doc

_MOST_REMEMBERED = 1_000_000


class WordStrings:
    """Remembers words by their hashes, which are the same in every vocabulary.

    After a million words it forgets all and begins anew. Threads and vocabularies may share it.
    """

    def __init__(self) -> None:
        self._known: dict[int, str] = {}

    def words(self, doc: Doc) -> list[str]:
        """As `[token.text for token in doc]`, many times as fast."""
        orths: list[int] = doc.to_array(ORTH).tolist()
        try:
            return list(map(self._known.__getitem__, orths))
        except KeyError:
            return list(map(self._learn(doc, orths).__getitem__, orths))

    def text(self, doc: Doc) -> str:
        """As `doc.text`, which spaCy puts together anew each time, from its tokens."""
        words, spaces = self.words(doc), doc.to_array(SPACY)
        if spaces.any():
            pairs = zip(words, spaces.tolist(), strict=True)
            words = [word + " " if space else word for word, space in pairs]
        return "".join(words)

    def _learn(self, doc: Doc, orths: list[int]) -> dict[int, str]:
        """These words and others."""
        known = self._known if len(self._known) < _MOST_REMEMBERED else {}
        strings = doc.vocab.strings
        known.update({orth: strings[orth] for orth in orths if orth not in known})
        self._known = known
        return known


# One memory for all layers: no model holds it, so that it is not saved or sent to another process.
WORD_STRINGS = WordStrings()
