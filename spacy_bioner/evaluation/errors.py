"""Which mistakes there are, one by one and in classes, and what each class costs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum

from spacy_bioner.evaluation.cases import Case, Mention, overlapping
from spacy_bioner.evaluation.scores import Scores, sides


class Kind(Enum):
    """Classes of errors, by which wrong found mentions overlap which gold mentions.

    One and none: missed, spurious. One and one: the type, the boundaries (left, right,
    both), or both of these are wrong. split: several found for one of the gold; merged:
    one found for several. tangled: several and several.
    """

    missed = "missed"
    spurious = "spurious"
    wrong_type = "wrong type"
    left = "boundary left"
    right = "boundary right"
    both = "boundary both"
    type_and_boundary = "type and boundary"
    split = "split"
    merged = "merged"
    tangled = "tangled"


@dataclass(frozen=True, slots=True)
class EntityError:
    """Mentions of one document that overlap one another and do not agree."""

    kind: Kind
    document: int
    gold: tuple[Mention, ...]
    found: tuple[Mention, ...]

    @property
    def label(self) -> str:
        """The type it is counted under: that of the first gold mention, else of the found."""
        return (self.gold or self.found)[0].label


def find_errors(cases: Sequence[Case]) -> list[EntityError]:
    """All errors in order. Each mention that is not right is in exactly one of them."""
    return [error for number, case in enumerate(cases) for error in _of_case(number, case)]


def _of_case(number: int, case: Case) -> Iterator[EntityError]:
    right, found, gold = sides(case)
    for group in overlapping(gold - right, found - right):
        if group.gold and group.found:
            yield EntityError(kind_of(*group), number, *group)
            continue
        for mention in group.gold:
            yield EntityError(Kind.missed, number, (mention,), ())
        for mention in group.found:
            yield EntityError(Kind.spurious, number, (), (mention,))


def kind_of(gold: Sequence[Mention], found: Sequence[Mention]) -> Kind:
    """The class of mentions that overlap, some of each side."""
    if len(gold) > 1:
        return Kind.merged if len(found) == 1 else Kind.tangled
    if len(found) > 1:
        return Kind.split
    one, other = gold[0], found[0]
    left, right = one.start != other.start, one.end != other.end
    if one.label != other.label:
        return Kind.type_and_boundary if left or right else Kind.wrong_type
    if left and right:
        return Kind.both
    return Kind.left if left else Kind.right


@dataclass(frozen=True, slots=True)
class KindCount:
    """A class of errors: how many, by type, and the F1 that mending them all would gain."""

    kind: Kind
    count: int
    by_type: dict[str, int]
    gain: float


def count_kinds(errors: Sequence[EntityError], total: Scores) -> list[KindCount]:
    """Each class that occurs, the one that costs most first.

    total: micro scores of the same cases. gain: F1 if just these errors were mended,
    each gold mention of them found and nothing else in their place, minus F1.
    """
    counts = []
    for kind in Kind:
        own = [error for error in errors if error.kind == kind]
        if own:
            gold = sum(len(error.gold) for error in own)
            found = sum(len(error.found) for error in own)
            mended = Scores(total.right + gold, total.found - found + gold, total.gold)
            by_type = dict(Counter(error.label for error in own).most_common())
            counts.append(KindCount(kind, len(own), by_type, mended.f1 - total.f1))
    return sorted(counts, key=lambda count: -count.gain)
