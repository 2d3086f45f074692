"""Documents too long to keep all their hidden states: encoded part by part, when read."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from typing import Any, TypeAlias

from spacy.tokens import Doc
from thinc.api import Model, NumpyOps
from thinc.types import Floats2d, Ragged

from spacy_bioner.models.encoder.layout import Layout, LayoutData
from spacy_bioner.models.encoder.token_vectors import token_vectors
from spacy_bioner.models.types import Tok2Vec
from spacy_bioner.networks.threads import on_threads

# From layouts to the hidden states (k, l, width) of each.
Encode: TypeAlias = Callable[[Sequence[Layout]], list[Any]]

# Rows of a document above which its states are not kept, and of a part of it.
LONGEST_KEPT = 128
_PART = 64
# Tokens of short documents whose vectors are made at once.
_TOKENS = 2048


class StreamedData(LayoutData):
    """The record of a long document, whose states are computed when they are asked for."""

    def __init__(self, layout: Layout, encode: Encode) -> None:
        self.layout, self._encode = layout, encode

    def __deepcopy__(self, memo: dict[int, Any]) -> StreamedData:
        return StreamedData(self.layout, self._encode)  # which nobody changes

    @cached_property
    def states(self) -> Any:
        """All of them at once, for a component that knows nothing of parts."""
        return self._encode([self.layout])[0]

    def parts(self) -> Iterator[LayoutData]:
        """One part of the document after another, each with whole tokens.

        All at once where all states are there, since a reader that knows no parts asked for them.
        """
        if "states" in vars(self):
            yield LayoutData(self.layout, self.states)
            return
        for part in self.layout.parts(_PART):
            yield LayoutData(part, self._encode([part])[0])


def has_streamed(docs: Sequence[Doc]) -> bool:
    """Whether a tagger that listens to a transformer reads one of these part by part."""
    return any(isinstance(doc._.trf_data, StreamedData) for doc in docs)


def emissions_by_part(
    tok2vec: Tok2Vec, head: Model[Floats2d, Floats2d], docs: Sequence[Doc]
) -> Ragged:
    """Emissions of documents, of some at a time, on a CPU a part on each thread.

    The vectors of thousands of tokens at once would be written to memory that is new each time.
    """
    ops, filled = tok2vec.ops, [doc for doc in docs if len(doc)]

    def emissions(part: Sequence[Doc]) -> Floats2d:
        return head.predict(token_vectors(tok2vec, part))

    parts = _parts(filled)
    on_cpu = isinstance(ops, NumpyOps)
    rows = list(on_threads(emissions, parts) if on_cpu else map(emissions, parts))
    if not rows:
        rows = [head.predict(ops.alloc2f(0, tok2vec.get_dim("nO")))]
    return Ragged(ops.xp.concatenate(rows), ops.asarray1i([len(doc) for doc in docs]))


def _parts(docs: Sequence[Doc]) -> list[list[Doc]]:
    """Documents in order, in runs of about so many tokens."""
    parts: list[list[Doc]] = []
    room = 0
    for doc in docs:
        if room <= 0:
            parts.append([])
            room = _TOKENS
        parts[-1].append(doc)
        room -= len(doc)
    return parts


def stream_emissions(
    tok2vec: Tok2Vec, head: Model[Floats2d, Floats2d], docs: Sequence[Doc]
) -> Ragged:
    """Emissions of documents, with the vectors of one part of a document at a time."""
    rows = [head.predict(part) for doc in docs if len(doc) for part in _vectors(tok2vec, doc)]
    ops = tok2vec.ops
    return Ragged(ops.xp.concatenate(rows), ops.asarray1i([len(doc) for doc in docs]))


def _vectors(tok2vec: Tok2Vec, doc: Doc) -> Iterator[Floats2d]:
    data = doc._.trf_data
    if not isinstance(data, StreamedData):
        yield tok2vec.predict([doc])[0]
        return
    _listener, pool = tok2vec.layers
    for part in data.parts():
        yield pool.predict([part])[0]
