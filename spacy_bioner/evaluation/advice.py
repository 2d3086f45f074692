"""What the figures say to do next: a few sentences, each with the figure it rests on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from spacy_bioner.evaluation.analysis import NEVER, OTHER_TYPE, SEEN
from spacy_bioner.evaluation.errors import Kind, KindCount
from spacy_bioner.evaluation.resampling import FEW
from spacy_bioner.evaluation.scores import Scores

TOP = 3
_REMEDIES = {
    Kind.missed: "annotate more sentences like those that hold them",
    Kind.spurious: "look whether the gold data lacks some; else add sentences without them",
    Kind.wrong_type: "see whether the guidelines tell these types apart where the text does not",
    Kind.left: "look whether the gold data agrees with itself on where mentions begin",
    Kind.right: "look whether the gold data agrees with itself on where mentions end",
    Kind.both: "look whether the gold data agrees with itself on how much a mention takes in",
    Kind.type_and_boundary: "see what the guidelines say of these types and how much they take in",
    Kind.split: "train with a CRF if there is none; else look at joints within mentions",
    Kind.merged: "look at what parts them, such as conjunctions and commas, in the guidelines",
    Kind.tangled: "look at the guidelines for long mentions and lists",
}


def advise(
    total: Scores,
    types: Mapping[str, Scores],
    kinds: Sequence[KindCount],
    familiarity: Mapping[str, Scores],
    documents: int,
) -> list[str]:
    """The classes of errors that cost most, the weakest type, what was never seen, and doubts."""
    if not total.gold:
        return ["The gold data holds no mention: nothing can be said about recall."]
    return [
        *(_of_kind(count) for count in kinds[:TOP] if count.gain > 0),
        *_of_types(total, types),
        *_of_familiarity(total, familiarity),
        *of_few(documents),
    ]


def of_few(documents: int) -> Iterator[str]:
    """A word of warning where intervals, and p by the bootstrap, rest on few documents."""
    if documents < FEW:
        yield (
            f"With {documents:,} of {FEW:,} documents that it takes at least, intervals, and p by "
            "bootstrap, say little: split long documents, or evaluate on more."
        )


def _of_kind(count: KindCount) -> str:
    label, most = next(iter(count.by_type.items()))
    return (
        f"{count.count:,} {count.kind.value} ({most:,} of them {label}) cost "
        f"{100 * count.gain:.1f} points of F1: {_REMEDIES[count.kind]}."
    )


def _of_types(total: Scores, types: Mapping[str, Scores]) -> Iterator[str]:
    """The type whose errors are most of all, if it is worse than the whole."""
    wrong = {label: s.found + s.gold - 2 * s.right for label, s in types.items()}
    label = max(wrong, key=lambda name: wrong[name], default=None)
    if label is not None and types[label].f1 < total.f1:
        share = wrong[label] / max(sum(wrong.values()), 1)
        yield (
            f"{label} has F1 {100 * types[label].f1:.1f} and {share:.0%} of all that is wrong: "
            "begin there."
        )


def _of_familiarity(total: Scores, familiarity: Mapping[str, Scores]) -> Iterator[str]:
    if NEVER in familiarity and SEEN in familiarity:
        never, seen = familiarity[NEVER], familiarity[SEEN]
        yield (
            f"Recall is {100 * seen.recall:.1f} for mentions that training has with their type and "
            f"{100 * never.recall:.1f} for those it never has, which are "
            f"{never.gold / total.gold:.0%} of the gold: " + _more_data(seen, never)
        )
    if OTHER_TYPE in familiarity and familiarity[OTHER_TYPE].gold:
        other = familiarity[OTHER_TYPE]
        yield (
            f"{other.gold:,} mentions have another type in training than here, and "
            f"{100 * other.recall:.1f} % of them are found: run spacy bioner check on both."
        )


def _more_data(seen: Scores, never: Scores) -> str:
    if seen.recall - never.recall > 0.1:
        return "more varied training data, a word list or a pretrained encoder would help most."
    return "what is new is not what is hard."
