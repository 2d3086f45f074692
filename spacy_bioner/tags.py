"""Tag schemes: how entity spans are written as one tag a token, and read back.

A scheme numbers its tags: 0 is O, and the tags of label j follow from
1 + j * len(prefixes) in the order of `PREFIXES[scheme]`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from spacy_bioner.errors import LabelError

SchemeName = Literal["BIO", "BILUO"]
Ints1d = NDArray[np.int64]
Bools1d = NDArray[np.bool_]
Bools2d = NDArray[np.bool_]

PREFIXES: dict[str, str] = {"BIO": "BI", "BILUO": "BILU"}
OUTSIDE = 0
UNKNOWN = -1  # the tag id of a token whose annotation is missing

# What spaCy's ENT_IOB attribute holds (spacy.tokens.Token.ent_iob).
_IOB_MISSING, _IOB_INSIDE, _IOB_OUTSIDE, _IOB_BEGIN = 0, 1, 2, 3


class Constraints(NamedTuple):
    """Which tags may stand where: start (T,), end (T,), transitions (T, T) as [from, to]."""

    start: Bools1d
    end: Bools1d
    transitions: Bools2d


class Spans(NamedTuple):
    """Entities of a batch, one row each, all of shape (S,).

    sentence: index of the sentence; start, end: tokens, end exclusive, counted
    within the sentence; label: index into the scheme's labels.
    """

    sentence: Ints1d
    start: Ints1d
    end: Ints1d
    label: Ints1d


class SpanTags(NamedTuple):
    """The tags of S entities, entity after entity: R tokens in all.

    tokens (R,), tags (R,); first (S,): where each entity begins in these arrays;
    not_next (S,): the tag that would continue the entity, -1 where none can.
    """

    tokens: Ints1d
    tags: Ints1d
    first: Ints1d
    not_next: Ints1d


@dataclass(frozen=True)
class TagScheme:
    """Tags for some entity labels.

    labels: entity labels without prefix, unique, in the order of their ids.
    name: "BIO" (Ramshaw and Marcus 1995, begin at every entity) or "BILUO"
        (Ratinov and Roth 2009).

    Raises LabelError if a label repeats, is empty, or the scheme is unknown.
    """

    labels: tuple[str, ...]
    name: SchemeName = "BIO"

    def __post_init__(self) -> None:
        if self.name not in PREFIXES:
            raise LabelError(f"unknown tag scheme {self.name!r}: use one of {list(PREFIXES)}")
        if len(set(self.labels)) != len(self.labels) or "" in self.labels:
            raise LabelError(f"labels must be unique and not empty, got {list(self.labels)}")

    @property
    def prefixes(self) -> str:
        return PREFIXES[self.name]

    @cached_property
    def tags(self) -> tuple[str, ...]:
        """The tag strings by tag id: O, B-X, I-X, ..."""
        named = (f"{prefix}-{label}" for label in self.labels for prefix in self.prefixes)
        return ("O", *named)

    @cached_property
    def tag_ids(self) -> dict[str, int]:
        return {tag: i for i, tag in enumerate(self.tags)}

    @cached_property
    def constraints(self) -> Constraints:
        """Which tags may start and end a sentence and which may follow which."""
        prefix, label = self._prefix_of_tag, self._label_of_tag
        continues = np.isin(prefix, ("I", "L"))
        open_ended = (
            np.isin(prefix, ("B", "I")) if self.name == "BILUO" else np.zeros_like(continues)
        )
        carries = np.isin(prefix, ("B", "I"))
        same = carries[:, None] & (label[:, None] == label[None, :])
        transitions = np.where(continues[None, :], same, ~open_ended[:, None])
        return Constraints(~continues, ~open_ended, transitions)

    @cached_property
    def _prefix_of_tag(self) -> NDArray[np.str_]:
        return np.array([tag[0] for tag in self.tags])

    @cached_property
    def _label_of_tag(self) -> Ints1d:
        inside = np.repeat(np.arange(len(self.labels)), len(self.prefixes))
        return np.concatenate([[-1], inside]).astype(np.int64)

    def from_iob(self, iob: Ints1d, label: Ints1d) -> Ints1d:
        """Tag ids of one sentence from spaCy's ENT_IOB codes and label indices.

        iob (n,): 0 missing, 1 inside, 2 outside, 3 begin; label (n,): index of
        the label, read only inside entities. Returns (n,), UNKNOWN where missing.
        """
        begins, inside = iob == _IOB_BEGIN, iob == _IOB_INSIDE
        step = 1 + label * len(self.prefixes)
        if self.name == "BIO":
            inside_tag = step + 1
            begin_tag = step
        else:
            last = np.append(~inside[1:], True)
            begin_tag = step + np.where(last, self.prefixes.index("U"), 0)
            inside_tag = step + np.where(last, self.prefixes.index("L"), 1)
        tags = np.where(begins, begin_tag, np.where(inside, inside_tag, OUTSIDE))
        return np.where(iob == _IOB_MISSING, UNKNOWN, tags).astype(np.int64)

    def from_biluo(self, tags: Sequence[str | None]) -> Ints1d:
        """Tag ids of one sentence from BILUO strings; None, "" and "-" are UNKNOWN.

        Raises LabelError if a tag's label is not one of the scheme's.
        """
        strings = [self._from_biluo_string(tag) for tag in tags]
        try:
            ids = [UNKNOWN if tag is None else self.tag_ids[tag] for tag in strings]
        except KeyError as error:
            raise self.unknown_label(str(error.args[0])[2:]) from None
        return np.array(ids, dtype=np.int64)

    def _from_biluo_string(self, tag: str | None) -> str | None:
        if tag in (None, "", "-"):
            return None
        assert tag is not None
        if self.name == "BILUO":
            return tag
        return {"U": "B", "L": "I"}.get(tag[0], tag[0]) + tag[1:]

    def unknown_label(self, label: str) -> LabelError:
        """The error for a label that this scheme lacks."""
        return LabelError(
            f"the annotation holds the label {label!r}, which the model does not know "
            f"(it knows {list(self.labels)}). Train a new model with this label, give it in "
            "[initialize.components], or remove it from the corpus."
        )

    def allowed(self, tags: Ints1d) -> Bools2d:
        """The tags that agree with what is known: (n,) tag ids -> (n, T).

        A known tag allows itself alone. An UNKNOWN tag allows all, save that an
        entity known to have ended is not continued.
        """
        known = tags >= 0
        mask = np.zeros((len(tags), len(self.tags)), dtype=np.bool_)
        mask[known, tags[known]] = True
        mask[~known] = True
        if self.name == "BIO":
            after = np.flatnonzero(~known[1:] & (tags[:-1] > OUTSIDE)) + 1
            mask[after, 2 + 2 * self._label_of_tag[tags[after - 1]]] = False
        return mask

    @property
    def _of_one(self) -> int:
        """Offset, among a label's tags, of an entity of one token."""
        return self.prefixes.index("U") if self.name == "BILUO" else 0

    @property
    def _of_last(self) -> int:
        """Offset, among a label's tags, of the last of several tokens."""
        return self.prefixes.index("L") if self.name == "BILUO" else 1

    def span_tags(self, start: Ints1d, end: Ints1d, label: Ints1d) -> SpanTags:
        """The tags of S entities, (S,) each; tokens count from wherever start and end do."""
        length = end - start
        first = np.cumsum(length) - length
        base = 1 + label * len(self.prefixes)
        tags = np.repeat(base + 1, length)
        tags[first] = base
        tags[first + length - 1] = base + np.where(length == 1, self._of_one, self._of_last)
        tokens = np.arange(length.sum()) + np.repeat(start - first, length)
        not_next = base + 1 if self.name == "BIO" else np.full(len(label), -1)
        return SpanTags(tokens, tags, first, not_next)

    @cached_property
    def within(self) -> Constraints:
        """What may stand in the midst of a run of tokens that no entity may divide.

        start (T,): tags that may stand at all but the first token; end (T,): at all but
        the last; transitions (T, T): steps that stay inside one entity, or outside.
        """
        prefix, label = self._prefix_of_tag, self._label_of_tag
        outside = prefix == "O"
        continues, carries = np.isin(prefix, ("I", "L")), np.isin(prefix, ("B", "I"))
        same = carries[:, None] & continues[None, :] & (label[:, None] == label[None, :])
        steps = same | (outside[:, None] & outside[None, :])
        return Constraints(outside | continues, outside | carries, steps)

    def spans(self, tags: Ints1d, lengths: Ints1d) -> Spans:
        """Entities in packed tag ids (N,) of sentences of the given lengths (B,).

        Sequences that break the scheme are read as conlleval does: a tag that
        continues nothing starts an entity
        (https://www.clips.uantwerpen.be/conll2000/chunking/output.html).
        """
        if len(tags) == 0:
            empty = np.zeros(0, dtype=np.int64)
            return Spans(empty, empty, empty, empty)
        prefix, label = self._prefix_of_tag[tags], self._label_of_tag[tags]
        entity = tags != OUTSIDE
        ends_of_sentences = np.cumsum(lengths)
        first = np.zeros(len(tags), dtype=np.bool_)
        first[(ends_of_sentences - lengths)[lengths > 0]] = True
        breaks = np.append(True, ~entity[:-1] | np.isin(prefix[:-1], ("L", "U")))
        changes = np.append(True, label[1:] != label[:-1])
        starts = entity & (first | breaks | changes | np.isin(prefix, ("B", "U")))
        ends = entity & np.append(starts[1:] | ~entity[1:] | first[1:], True)
        start, last = np.flatnonzero(starts), np.flatnonzero(ends)
        sentence = np.searchsorted(ends_of_sentences, start, side="right")
        offset = (ends_of_sentences - lengths)[sentence]
        return Spans(sentence, start - offset, last + 1 - offset, label[start])
