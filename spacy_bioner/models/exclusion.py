"""Paths that do not contain certain entities, as a refinement of the tags.

A path that begins an entity where an excluded one begins goes on in shadow tags, which
remember that beginning. Where the excluded entity ends, the shadow may not end.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from spacy_bioner.crf.refinement import Refinement
from spacy_bioner.tags import Bools2d, TagScheme

Excluded = tuple[int, int, int]  # start, end (exclusive), label
RefinedTags = tuple[Refinement, Bools2d]  # R tags, and where they may stand (n, R)


@dataclass
class _Tags:
    """Refined tags as they are gathered, one entry each.

    base: the tag that each stands for. group: 0 for the tags themselves, else the number
    of the shadow. open: whether the entity must go on. stands: tokens where it may stand.
    """

    n_tokens: int
    base: list[int] = field(default_factory=list)
    group: list[int] = field(default_factory=list)
    open: list[bool] = field(default_factory=list)
    stands: list[np.ndarray] = field(default_factory=list)

    def add(self, base: int, group: int, stands: np.ndarray, *, open: bool = False) -> None:
        self.base.append(base)
        self.group.append(group)
        self.open.append(open)
        self.stands.append(stands)


def exclude(scheme: TagScheme, allowed: Bools2d, excluded: Iterable[Excluded]) -> RefinedTags:
    """The refinement of one sentence without some entities, and where its tags may stand.

    allowed (n, T): which tags may stand at which token otherwise. Returns standing (n, R).
    """
    n = len(allowed)
    tags = _Tags(n)
    for tag in range(len(scheme.tags)):
        tags.add(tag, 0, allowed[:, tag].copy())
    ends: dict[tuple[int, int], set[int]] = {}
    for start, end, label in excluded:
        ends.setdefault((start, label), set()).add(end - 1)
    for group, ((start, label), last) in enumerate(sorted(ends.items()), start=1):
        _add_shadow(tags, scheme, allowed, group, start, label, last)
    standing = np.column_stack(tags.stands)
    return _refinement(tags, scheme), standing


def _add_shadow(
    tags: _Tags,
    scheme: TagScheme,
    allowed: Bools2d,
    group: int,
    start: int,
    label: int,
    last: set[int],
) -> None:
    """The shadow of entities of a label from `start`; last: tokens where they may not end."""
    names = {p: scheme.tag_ids[f"{p}-{scheme.labels[label]}"] for p in scheme.prefixes}
    here = np.arange(tags.n_tokens)
    at_start, after, at_last = here == start, here > start, np.isin(here, list(last))
    tags.stands[names["B"]][start] = False
    begins, goes_on = allowed[:, names["B"]] & at_start, allowed[:, names["I"]] & after
    if scheme.name == "BILUO":
        if start in last:
            tags.stands[names["U"]][start] = False
        tags.add(names["B"], group, begins)
        tags.add(names["I"], group, goes_on)
        tags.add(names["L"], group, allowed[:, names["L"]] & after & ~at_last)
        return
    for base, stands in ((names["B"], begins), (names["I"], goes_on)):
        tags.add(base, group, stands & ~at_last)
        tags.add(base, group, stands & at_last, open=True)


def _refinement(tags: _Tags, scheme: TagScheme) -> Refinement:
    base, group = np.array(tags.base), np.array(tags.group)
    must_go_on = np.array(tags.open)
    prefix = np.array([scheme.tags[tag][0] for tag in tags.base])
    continues = np.isin(prefix, ("I", "L"))
    # an entity goes on in its own shadow, or outside of all
    same = group[:, None] == group[None, :]
    transitions = np.where(continues[None, :], same, ~must_go_on[:, None])
    return Refinement(base, np.ones_like(must_go_on), ~must_go_on, transitions)
