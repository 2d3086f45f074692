"""Evaluations and comparisons as pages and cards: templates filled, nothing computed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from spacy_bioner.evaluation.comparison import Comparison
from spacy_bioner.evaluation.errors import Kind
from spacy_bioner.evaluation.evaluate import Evaluation
from spacy_bioner.evaluation.report import svg
from spacy_bioner.evaluation.report.gallery import Gallery, colours
from spacy_bioner.evaluation.report.text_style import text_style

KINDS = {
    Kind.missed: "in the gold, and nothing found there",
    Kind.spurious: "found, and nothing in the gold there",
    Kind.wrong_type: "boundaries right, type wrong",
    Kind.left: "type and end right, beginning wrong",
    Kind.right: "type and beginning right, end wrong",
    Kind.both: "type right, both boundaries wrong",
    Kind.type_and_boundary: "type and a boundary wrong",
    Kind.split: "several found in place of one",
    Kind.merged: "one found in place of several",
    Kind.tangled: "several found in place of several others",
}
MODES = {
    "strict": "boundaries and type right",
    "exact": "boundaries right, whatever the type",
    "partial": "any overlap, whatever the type; half the credit unless the boundaries are right",
    "type": "type right, and any overlap",
}


@dataclass(frozen=True)
class Labels:
    """What a page is called and what it says of its data.

    title: of the page. system, data: one line each, "" for none. names: of the systems
    of a comparison. language: of the texts, or auto. facts: more lines for the card.
    """

    title: str
    system: str = ""
    data: str = ""
    names: tuple[str, str] = ("A", "B")
    language: str = "auto"
    facts: Mapping[str, str] = field(default_factory=dict)


def _environment(*, autoescape: bool) -> Environment:
    environment = Environment(
        loader=PackageLoader("spacy_bioner.evaluation.report"),
        autoescape=autoescape,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"percent": percent, "points": points, "p_value": p_value}
    environment.filters |= {"thousands": "{:,}".format, "cell": markdown_cell}
    environment.globals |= {"KINDS": KINDS, "MODES": MODES, "svg": svg}
    return environment


def percent(value: float | None) -> str:
    return "–" if value is None else f"{100 * value:.1f}"


def points(value: float) -> str:
    return f"{100 * value:+.1f}".replace("-", "−")


def p_value(value: float) -> str:
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


def markdown_cell(text: str) -> str:
    """A text that cannot end the cell of a Markdown table, nor be HTML."""
    escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace("|", "\\|")
    return " ".join(escaped.split())


def render_report(evaluation: Evaluation, labels: Labels, examples: int = 8) -> str:
    """One HTML page that needs nothing beside itself. examples: of each class of errors."""
    style = text_style((case.text for case in evaluation.cases), labels.language)
    types = evaluation.counts.labels
    gallery = Gallery(types, style).of_errors(evaluation.cases, evaluation.errors, examples)
    template = _environment(autoescape=True).get_template("report.html.j2")
    return template.render(
        e=evaluation,
        labels=labels,
        style=style,
        gallery=gallery,
        colours=colours(types),
        curve=_curve(evaluation),
        reliability=_reliability(evaluation),
    )


def render_comparison(comparison: Comparison, labels: Labels, examples: int = 40) -> str:
    """The same for two systems. examples: documents in which they differ, at most."""
    c = comparison
    style = text_style((case.text for case in c.a.cases), labels.language)
    types = sorted({*c.a.counts.labels, *c.b.counts.labels})
    shown = c.differences[:examples]
    gallery = Gallery(types, style).of_differences(c.a.cases, c.b.cases, shown, labels.names)
    kinds = [[{count.kind: count for count in e.kinds}.get(k) for e in (c.a, c.b)] for k in Kind]
    return (
        _environment(autoescape=True)
        .get_template("compare.html.j2")
        .render(
            c=c,
            labels=labels,
            style=style,
            gallery=gallery,
            colours=colours(types),
            kinds=[(kind, *pair) for kind, pair in zip(Kind, kinds, strict=True) if any(pair)],
            reach=max(
                (abs(bound) for s in (c.total, *c.by_type.values()) for bound in s.interval),
                default=0.0,
            ),
        )
    )


def render_card(evaluation: Evaluation, labels: Labels) -> str:
    """A model card in Markdown, with the metadata that Hugging Face's hub reads."""
    style = text_style((case.text for case in evaluation.cases), labels.language)
    template = _environment(autoescape=False).get_template("card.md.j2")
    return template.render(e=evaluation, labels=labels, style=style)


def _curve(evaluation: Evaluation) -> Markup | None:
    if not evaluation.curve:
        return None
    lines: dict[str, Sequence[tuple[float, float]]] = {}
    for name, score in (("F1", "f1"), ("precision", "precision"), ("recall", "recall")):
        values = [(float(p.step), getattr(p, score)) for p in evaluation.curve]
        lines[name] = [(step, value) for step, value in values if value is not None]
    return svg.line_plot(lines, "step", "Scores on the development data during training")


def _reliability(evaluation: Evaluation) -> Markup | None:
    if not evaluation.reliability:
        return None
    bins = [(b.confidence, b.precision, b.count) for b in evaluation.reliability.overall.bins]
    return svg.reliability_plot(bins, "Precision of entities by confidence")
