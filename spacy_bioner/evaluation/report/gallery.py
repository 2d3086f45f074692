"""Texts with their mentions marked, drawn by displaCy, for the examples on a page."""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup
from spacy.displacy.render import EntityRenderer

from spacy_bioner.evaluation.cases import Case, Mention
from spacy_bioner.evaluation.comparison import Difference
from spacy_bioner.evaluation.errors import EntityError, Kind
from spacy_bioner.evaluation.report.text_style import TextStyle

AROUND = 60  # characters shown before and after what an example is about
_COLOURS = (
    *("#9ecbff", "#ffd28a", "#b5e6a2", "#ffb3b8", "#d7c3ff", "#93e4dc", "#f5c6ea", "#e6e08a"),
    *("#c9d6e2", "#f2bfa0", "#a9c7a0", "#c0b7f0", "#e3a7a7", "#8fd0f0", "#d6c9a5", "#bfe0c8"),
)
_MARK = (
    '<mark class="{status}" style="--colour:{bg}"><bdi>{text}</bdi>'
    '<span class="label"><bdi lang="en">{label}</bdi></span></mark>'
)


@dataclass(frozen=True)
class Line:
    """One way to annotate a text: its name, and the text with marks as HTML."""

    name: str
    markup: Markup


@dataclass(frozen=True)
class Example:
    """A piece of a document: the document's id and number, a heading, and the lines."""

    document: str
    number: int
    heading: str
    lines: tuple[Line, ...]


def colours(labels: Sequence[str]) -> dict[str, str]:
    """A colour for each type."""
    return {label: _COLOURS[n % len(_COLOURS)] for n, label in enumerate(sorted(labels))}


class Gallery:
    """Draws examples of some cases.

    labels: all types, for their colours. style: of the texts.
    """

    def __init__(self, labels: Sequence[str], style: TextStyle) -> None:
        self.style = style
        self._colours = colours(labels)
        self._renderer = EntityRenderer({"template": _MARK})
        self._renderer.direction = style.direction

    def of_errors(
        self, cases: Sequence[Case], errors: Sequence[EntityError], limit: int
    ) -> dict[Kind, list[Example]]:
        """At most `limit` examples of each class of errors, spread evenly over the documents."""
        examples: dict[Kind, list[Example]] = {}
        for kind in Kind:
            own = [error for error in errors if error.kind == kind]
            step = max(len(own) // limit, 1)
            if own:
                examples[kind] = [self._error(cases, e) for e in own[::step][:limit]]
        return examples

    def _error(self, cases: Sequence[Case], error: EntityError) -> Example:
        case = cases[error.document]
        window = _window(case, [*error.gold, *error.found])
        lines = (
            self._line("gold", case, case.gold, set(error.gold), window),
            self._line("found", case, case.found, set(error.found), window),
        )
        return Example(case.id, error.document, _types(error), lines)

    def of_differences(
        self,
        a: Sequence[Case],
        b: Sequence[Case],
        differences: Sequence[Difference],
        names: tuple[str, str],
    ) -> list[Example]:
        """A text in three lines each: the gold, and what both systems found."""
        examples = []
        for d in differences:
            one, other = a[d.document], b[d.document]
            window = _window(one, [*d.only_a, *d.only_b, *d.wrong_a, *d.wrong_b])
            lines = (
                self._line("gold", one, one.gold, {*d.only_a, *d.only_b}, window),
                self._line(names[0], one, one.found, {*d.only_a, *d.wrong_a}, window),
                self._line(names[1], other, other.found, {*d.only_b, *d.wrong_b}, window),
            )
            examples.append(Example(one.id, d.document, "", lines))
        return examples

    def _line(
        self,
        name: str,
        case: Case,
        mentions: Sequence[Mention],
        marked: set[Mention],
        window: tuple[int, int],
    ) -> Line:
        """The part of a text that lies in the window; marked mentions stand out."""
        low, high = window
        shown = [m for m in mentions if low <= case.offsets(m)[0] and case.offsets(m)[1] <= high]
        before, after = "…" * (low > 0), "…" * (high < len(case.text))
        shift = low - len(before)
        spans = [
            {
                "start": case.offsets(m)[0] - shift,
                "end": case.offsets(m)[1] - shift,
                "label": html.escape(m.label),
                # by `colors` displaCy would not tell Gene and GENE apart
                "params": {
                    "status": "about" if m in marked else "other",
                    "bg": self._colours[m.label],
                },
            }
            for m in _apart(shown)
        ]
        text = before + case.text[low:high] + after
        return Line(name, Markup(self._renderer.render_ents(text, spans, None)))


def _apart(mentions: Sequence[Mention]) -> list[Mention]:
    """Mentions that do not overlap, earlier and longer ones first, as displaCy needs them."""
    kept: list[Mention] = []
    for mention in sorted(mentions, key=lambda m: (m.start, -m.end)):
        if not kept or mention.start >= kept[-1].end:
            kept.append(mention)
    return kept


def _window(case: Case, mentions: Sequence[Mention]) -> tuple[int, int]:
    """Characters around some mentions, grown so that no mention is cut at its edges."""
    low = max(min(case.offsets(m)[0] for m in mentions) - AROUND, 0)
    high = min(max(case.offsets(m)[1] for m in mentions) + AROUND, len(case.text))
    for mention in (*case.gold, *case.found):
        start, end = case.offsets(mention)
        if start < low < end:
            low = start
        if start < high < end:
            high = end
    return low, high


def _types(error: EntityError) -> str:
    gold, found = (" + ".join(m.label for m in side) for side in (error.gold, error.found))
    return f"{gold or 'O'} → {found or 'O'}"
