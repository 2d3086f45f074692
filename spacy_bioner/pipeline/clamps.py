"""What is known of a document before decoding: entities, blocked tokens, undivided runs."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from spacy.attrs import SPACY
from spacy.tokens import Doc, Span

from spacy_bioner.models.word_table import WordTable
from spacy_bioner.tags import OUTSIDE, Bools1d, Bools2d, TagScheme
from spacy_bioner.text_runs import PART_OF_RUN, RUN

# doc.user_data: by name of the component, what it has set beside known entities, as lists of
# [begin in characters, end in characters, label].
FOUND = "bioner_found"
_BLOCKED = 3  # Token.ent_iob of blocked tokens, whose type is empty


# Bits: the first, and the last, character of a word may be part of a run.
_FIRST, _LAST = 1, 2


@dataclass(frozen=True)
class Clamps:
    """Restrictions on the tags of a batch of N tokens; None where there are none.

    allowed (N, T): False for excluded tags; joined (N,): True where no entity may
    begin or end between a token and the one before it.
    """

    allowed: Bools2d | None = None
    joined: Bools1d | None = None

    @property
    def are_none(self) -> bool:
        return self.allowed is None and (self.joined is None or not self.joined.any())


def clamps_of(
    docs: Sequence[Doc],
    scheme: TagScheme,
    *,
    respect: bool,
    snap_runs: bool,
    name: str = "",
) -> Clamps:
    """The clamps of some documents.

    respect: entities that are set already are kept as they are, and blocked tokens
    (doc.set_ents(blocked=...)) stay outside of entities. Where the model does not know
    the label of such an entity, its tokens are outside of all that the model may find.
    name: of a component; what it has found itself beside them (FOUND) is not kept.
    snap_runs: no entity begins or ends within a run such as COVID-19, unless one that
    is kept, or a blocked token, divides it.
    """
    joined = _joined(docs) if snap_runs else None
    if not respect or not any(map(_has_annotation, docs)):
        return Clamps(None, joined)
    allowed = np.ones((sum(map(len, docs)), len(scheme.tags)), dtype=np.bool_)
    offset = 0
    for doc in docs:
        inside = slice(offset, offset + len(doc))
        joined_inside = None if joined is None else joined[inside]
        _clamp(doc, preset_entities(doc, name), scheme, allowed[inside], joined_inside)
        offset += len(doc)
    return Clamps(allowed, joined)


def preset_entities(doc: Doc, name: str) -> list[Span]:
    """Those that were set, but not by the component `name` itself beside them."""
    own = {tuple(place) for place in doc.user_data.get(FOUND, {}).get(name, ())}
    return [e for e in doc.ents if (e.start_char, e.end_char, e.label_) not in own]


def blocked_tokens(doc: Doc) -> list[int]:
    """Tokens that were set as blocked."""
    return [token.i for token in doc if token.ent_iob == _BLOCKED and not token.ent_type]


def _has_annotation(doc: Doc) -> bool:
    return bool(len(doc)) and any(token.ent_iob in (1, 3) for token in doc)


def _clamp(
    doc: Doc,
    entities: Sequence[Span],
    scheme: TagScheme,
    allowed: Bools2d,
    joined: Bools1d | None,
) -> None:
    """Excludes tags of one document: allowed (n, T), joined (n,), both changed."""
    for entity in entities:
        start, end = entity.start, entity.end
        allowed[start:end] = False
        if entity.label_ in scheme.labels:
            label = np.array([scheme.labels.index(entity.label_)])
            tags = scheme.span_tags(np.array([start]), np.array([end]), label)
            allowed[tags.tokens, tags.tags] = True
            if tags.not_next[0] >= 0 and end < len(doc):
                allowed[end, tags.not_next[0]] = False
        else:
            allowed[start:end, OUTSIDE] = True
        _divide(joined, start, end)
    for token in blocked_tokens(doc):
        allowed[token] = False
        allowed[token, OUTSIDE] = True
        _divide(joined, token, token + 1)


def _divide(joined: Bools1d | None, start: int, end: int) -> None:
    """Permits boundaries at both ends of [start, end)."""
    if joined is not None:
        joined[start] = False
        joined[end : end + 1] = False


def _edges_of(words: list[str]) -> list[int]:
    match = PART_OF_RUN.match
    return [_FIRST * bool(match(w[:1])) + _LAST * bool(match(w[-1:])) for w in words]


_EDGES = WordTable(_edges_of)


def _joined(docs: Sequence[Doc]) -> Bools1d:
    """Tokens (N,) that belong to the same run of letters and digits as the one before."""
    edges = _EDGES.numbers(docs)
    joined = np.zeros(len(edges), dtype=np.bool_)
    may_join = np.zeros(len(edges), dtype=np.bool_)  # the next token
    may_join[:-1] = ((edges[:-1] & _LAST) > 0) & ((edges[1:] & _FIRST) > 0)
    ends = np.cumsum([len(doc) for doc in docs], dtype=np.int64)
    may_join[ends[ends > 0] - 1] = False
    if may_join.any():  # most texts have none
        may_join &= np.concatenate([doc.to_array(SPACY) == 0 for doc in docs])
    before = np.append(False, may_join[:-1])
    groups = np.flatnonzero(may_join & ~before), np.flatnonzero(before & ~may_join) + 1
    for first, end in zip(*(each.tolist() for each in groups), strict=True):
        doc = int(np.searchsorted(ends, first, side="right"))
        shift = int(ends[doc]) - len(docs[doc])
        joined[first:end] = _joined_in(docs[doc][first - shift : end - shift])
    return joined


def _joined_in(span: Span) -> Bools1d:
    """Of a span (n,), beyond whose ends no run reaches."""
    joined = np.zeros(len(span), dtype=np.bool_)
    starts = [token.idx - span.start_char for token in span]
    for run in RUN.finditer(span.text):
        low, high = bisect_right(starts, run.start()), bisect_left(starts, run.end())
        joined[low:high] = True
    return joined
