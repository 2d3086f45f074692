"""All inputs of a conversion as one stream of Documents, with what is known of each input."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from spacy_bioner.corpora.document import Document
from spacy_bioner.corpora.reading import expand_inputs, read_corpus
from spacy_bioner.corpora.reading_log import ReadLog
from spacy_bioner.errors import CorpusError

_RECENT = 1 << 16
_Columns = list[npt.NDArray[np.signedinteger[Any]]]  # keys (sorted), contents, inputs


class CorpusSource:
    """The Documents of some inputs, one after the other; to be gone through once.

    A document whose id was seen before is passed over, and noted as a repair, if it
    has the other's text and mentions; else it raises CorpusError.

    labels: mentions by label of each input read so far.
    """

    def __init__(
        self, inputs: Sequence[Path | str], format: str = "auto", log: ReadLog | None = None
    ) -> None:
        self.inputs = expand_inputs(inputs, format)
        self.format = format
        self.log = log if log is not None else ReadLog()
        self.labels: dict[Path, Counter[str]] = {}
        self._seen = SeenDocuments()

    def __iter__(self) -> Iterator[Document]:
        for number, path in enumerate(self.inputs):
            labels = self.labels.setdefault(path, Counter())
            for document in read_corpus(path, self.format, log=self.log):
                earlier = self._seen.add(document, number)
                if earlier is not None:
                    self._repeated(document, path, self.inputs[earlier.input], earlier.equal)
                    continue
                labels.update(entity.label for entity in document.entities)
                yield document

    def _repeated(self, document: Document, path: Path, first: Path, equal: bool) -> None:
        if equal:
            reason = f"it repeats text and mentions of the document of this id in {first}"
            self.log.of(path).repair(None, f"document {document.id}", "nothing", reason)
            return
        fix = "Give each document an id of its own."
        if path != first:
            fix = "Convert the files apart, or rename one (tagged files take their ids from it)."
        raise CorpusError(
            f"the document id {document.id!r} was already used in {first}. {fix}", path
        )


@dataclass(frozen=True, slots=True)
class Earlier:
    """A document with the same id was seen in this input (its number), equal or not."""

    input: int
    equal: bool


@dataclass(slots=True)
class SeenDocuments:
    """Ids of documents seen, in 20 bytes each: hashes of id and content, and the input.

    Two ids are taken for one if their 64-bit hashes collide, which among ten million
    documents happens once in 400,000 corpora.
    """

    _recent: dict[int, tuple[int, int]] = field(default_factory=dict)
    _older: list[_Columns] = field(default_factory=list)

    def add(self, document: Document, input: int) -> Earlier | None:
        """What was seen before under the id of a document; else note it and return None."""
        key = hash(document.id)
        content = hash((document.text, document.entities))
        earlier = self._recent.get(key) or self._find(key)
        if earlier is not None:
            return Earlier(earlier[1], earlier[0] == content)
        self._recent[key] = content, input
        if len(self._recent) >= _RECENT:
            self._put_aside()
        return None

    def _find(self, key: int) -> tuple[int, int] | None:
        for keys, contents, inputs in self._older:
            at = int(np.searchsorted(keys, key))
            if at < len(keys) and keys[at] == key:
                return int(contents[at]), int(inputs[at])
        return None

    def _put_aside(self) -> None:
        """Move the recent ones into sorted arrays, joined so that these grow geometrically."""
        keys = np.fromiter(self._recent, np.int64, len(self._recent))
        values = np.array(list(self._recent.values()), dtype=np.int64)
        columns: _Columns = [keys, values[:, 0], values[:, 1].astype(np.int32)]
        while self._older and len(self._older[-1][0]) <= len(columns[0]):
            last = self._older.pop()
            columns = [np.concatenate(pair) for pair in zip(last, columns, strict=True)]
        order = np.argsort(columns[0])
        self._older.append([column[order] for column in columns])
        self._recent.clear()
