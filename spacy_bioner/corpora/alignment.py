"""From character offsets to tokens: the one place where mentions are moved or dropped."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import groupby, pairwise
from typing import Literal, get_args

from spacy_bioner.corpora.document import Document, Entity, Offsets

Policy = Literal["strict", "expand", "contract", "split-tokens"]
Overlap = Literal["longest", "first", "spans"]
POLICIES: tuple[Policy, ...] = get_args(Policy)
OVERLAPS: tuple[Overlap, ...] = get_args(Overlap)


@dataclass(frozen=True, slots=True)
class Change:
    """A mention that was moved or dropped: where, what, and why.

    to: its new (start, end) in characters, None if it was dropped.
    """

    document: str
    entity: Entity
    text: str
    to: tuple[int, int] | None
    reason: str

    def __str__(self) -> str:
        at = f"{self.entity.start}-{self.entity.end}"
        did = "dropped" if self.to is None else f"moved to {self.to[0]}-{self.to[1]}"
        return f"{self.document} {at} {self.entity.label} {self.text!r}: {did}, {self.reason}"


@dataclass(frozen=True, slots=True)
class Placed:
    """A mention on tokens [start, end); `index` is its place in Document.entities."""

    start: int
    end: int
    entity: Entity
    index: int


@dataclass(frozen=True, slots=True)
class Alignment:
    """How the mentions of one document fall on its tokens.

    kept: mentions that do not overlap, by position. overlapping: those that fit the
    tokens but lost to one of `kept`. unknown: tokens that lie in no kept mention but in
    one that was dropped, or where annotation is missing: their tag is not known. changes:
    what was moved or dropped, by position.
    """

    kept: tuple[Placed, ...]
    overlapping: tuple[Placed, ...]
    unknown: tuple[int, ...]
    changes: tuple[Change, ...]


def align(
    document: Document,
    tokens: Sequence[tuple[int, int]],
    policy: Policy = "strict",
    overlap: Overlap = "longest",
) -> Alignment:
    """Place the mentions of a document on tokens given as (start, end) in characters.

    policy: a mention that does not begin and end at token boundaries is dropped
    ("strict", and "split-tokens": see `split_tokens`), grown to the tokens it touches
    ("expand") or shrunk to those it covers ("contract"). Where only white space at its edges
    lies on no token, all but "strict" leave that out.
    overlap: of mentions that share a token the longest is kept ("longest", "spans"; of
    equal ones the first) or that which begins first ("first"; of these the longest). The
    others are dropped, save with "spans", where the caller finds a place for them.
    A discontinuous mention is taken with what lies between its fragments.
    """
    fitter = _Fitter(document, tokens, policy)
    placed = [fitter.place(i) for i in range(len(document.entities))]
    order = _leftmost_first if overlap == "first" else _longest_first
    owner: dict[int, Placed] = {}
    kept, overlapping = [], []
    for place in sorted(filter(None, placed), key=order):
        span = range(place.start, place.end)
        rival = next((owner[i] for i in span if i in owner), None)
        if rival is None:
            owner.update(dict.fromkeys(span, place))
            kept.append(place)
        else:
            overlapping.append(place)
            fitter.unknown.update(span)
            if overlap != "spans":
                fitter.drop(place.index, _overlap_reason(document, rival.entity, place.entity))
    for stretch in document.unannotated:
        fitter.unknown.update(fitter.touched(*stretch))
    unknown = sorted(fitter.unknown - owner.keys())
    kept.sort(key=lambda place: place.start)
    changes = sorted(fitter.changes.values(), key=lambda c: (c.entity.start, c.entity.end))
    return Alignment(tuple(kept), tuple(overlapping), tuple(unknown), tuple(changes))


def place_on_tokens(
    document: Document, policy: Policy = "strict", overlap: Overlap = "longest"
) -> tuple[Document, tuple[Change, ...]]:
    """The document with mentions that fit its tokens and do not overlap, and what changed.

    With "spans", which leaves it to the caller where mentions that overlap go, they are
    kept. Raises ValueError if the document has no tokens.
    """
    if document.tokens is None:
        raise ValueError(f"document {document.id!r} has no tokens")
    tokens = document.tokens
    if policy == "split-tokens":
        tokens = tuple(split_tokens(document, tokens))
    alignment = align(document, tokens, policy, overlap)
    places = alignment.kept + (alignment.overlapping if overlap == "spans" else ())
    mentions = sorted((_moved(place, tokens) for place in places), key=lambda e: (e.start, e.end))
    placed = replace(document, entities=tuple(mentions), tokens=tokens)
    if overlap != "spans":  # else what overlaps is kept, and known
        placed = replace(placed, unannotated=_stretches(alignment.unknown, tokens))
    return placed, alignment.changes


def _stretches(indices: Sequence[int], tokens: Sequence[tuple[int, int]]) -> Offsets:
    """Runs of neighbouring tokens, given in order, as (start, end) in characters."""
    runs = groupby(enumerate(indices), key=lambda pair: pair[1] - pair[0])
    members = ([index for _, index in run] for _, run in runs)
    return tuple((tokens[run[0]][0], tokens[run[-1]][1]) for run in members)


def _moved(place: Placed, tokens: Sequence[tuple[int, int]]) -> Entity:
    start, end = tokens[place.start][0], tokens[place.end - 1][1]
    entity = place.entity
    if (entity.start, entity.end) == (start, end):
        return entity
    return replace(entity, start=start, end=end, fragments=())


def split_tokens(document: Document, tokens: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """The tokens, divided further wherever a mention begins or ends within one."""
    cuts = sorted({cut for entity in document.entities for cut in (entity.start, entity.end)})
    result: list[tuple[int, int]] = []
    for start, end in tokens:
        inner = cuts[bisect_right(cuts, start) : bisect_left(cuts, end)]
        edges = [start, *inner, end]
        result += pairwise(edges)
    return result


def _longest_first(place: Placed) -> tuple[int, int]:
    return place.entity.start - place.entity.end, place.entity.start


def _leftmost_first(place: Placed) -> tuple[int, int]:
    return place.entity.start, place.entity.start - place.entity.end


def _overlap_reason(document: Document, rival: Entity, entity: Entity) -> str:
    what = "is part of" if entity.role == "part" and rival.role == "composite" else "overlaps"
    if (rival.start, rival.end, rival.label) == (entity.start, entity.end, entity.label):
        what = "repeats"
    return f"it {what} {document.text[rival.start : rival.end]!r} ({rival.label})"


class _Fitter:
    """Places single mentions on the tokens of a document, and remembers what it changed."""

    def __init__(
        self, document: Document, tokens: Iterable[tuple[int, int]], policy: Policy
    ) -> None:
        self.document = document
        self.policy = policy
        pairs = list(tokens)
        self.starts = [start for start, _ in pairs]
        self.ends = [end for _, end in pairs]
        self.changes: dict[int, Change] = {}  # by the mention's place
        self.unknown = set[int]()

    def place(self, index: int) -> Placed | None:
        """Where a mention comes to lie, or None if it is dropped."""
        entity = self.document.entities[index]
        touched = self.touched(entity.start, entity.end)
        first, last = touched.start, touched.stop
        reason = "it is discontinuous; taken with what lies between" if entity.fragments else ""
        if not self._fits(entity, touched):
            first, last, reason = self._adjust(entity, touched)
            if first >= last:
                self.drop(index, reason)
                self.unknown.update(touched)
                return None
        if reason:
            self._change(index, (self.starts[first], self.ends[last - 1]), reason)
        return Placed(first, last, entity, index)

    def drop(self, index: int, reason: str) -> None:
        self._change(index, None, reason)

    def _change(self, index: int, to: tuple[int, int] | None, reason: str) -> None:
        entity = self.document.entities[index]
        text = self.document.text[entity.start : entity.end]
        self.changes[index] = Change(self.document.id, entity, text, to, reason)

    def touched(self, start: int, end: int) -> range:
        """Tokens that share a character with a mention or stretch."""
        first = bisect_right(self.ends, start)
        return range(first, max(first, bisect_left(self.starts, end)))

    def _fits(self, entity: Entity, touched: range) -> bool:
        return (
            len(touched) > 0
            and self.starts[touched[0]] == entity.start
            and self.ends[touched[-1]] == entity.end
        )

    def _is_trimmed(self, entity: Entity, touched: range) -> bool:
        """Whether the mention is these tokens and white space, some of it before or after them."""
        start, end = self.starts[touched[0]], self.ends[touched[-1]]
        text = self.document.text
        outside = text[entity.start : start] + text[end : entity.end]
        return entity.start <= start and end <= entity.end and outside.isspace()

    def _adjust(self, entity: Entity, touched: range) -> tuple[int, int, str]:
        """First and end token under the policy, equal if none is left, and the reason."""
        first, last = touched.start, touched.stop
        if not touched:
            return first, first, "it lies on no token"
        if self.policy != "strict" and self._is_trimmed(entity, touched):
            return first, last, "white space at its edge was left out"
        if self.policy == "expand":
            return first, last, "it was grown to whole tokens"
        if self.policy == "contract":
            first += self.starts[first] < entity.start
            last -= self.ends[last - 1] > entity.end
            what = "it was shrunk to whole tokens" if first < last else "it covers no whole token"
            return first, max(first, last), what
        return first, first, "it does not begin and end at token boundaries"


def sentence_tokens(sentences: Offsets, tokens: Offsets) -> list[range]:
    """Indices of the tokens that begin in each sentence; every token is in one range."""
    starts = [start for start, _ in tokens]
    edges = [0, *(bisect_left(starts, start) for start, _ in sentences[1:]), len(tokens)]
    return [range(low, high) for low, high in pairwise(edges)]
