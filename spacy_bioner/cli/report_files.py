"""What `report` and `compare` do: run, evaluate, render, write, and say it in a few lines."""

import json
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import typer
from spacy.language import Language

from spacy_bioner.cli.pipelines import load_pipeline
from spacy_bioner.corpora.outputs import check_outputs, new_outputs
from spacy_bioner.evaluation.advice import of_few
from spacy_bioner.evaluation.cases import Case, make_cases
from spacy_bioner.evaluation.comparison import compare
from spacy_bioner.evaluation.curve import read_curve
from spacy_bioner.evaluation.evaluate import Speed, evaluate
from spacy_bioner.evaluation.metrics import comparison_metrics, metrics
from spacy_bioner.evaluation.prediction import predict, read_docs
from spacy_bioner.evaluation.report.page import (
    Labels,
    render_card,
    render_comparison,
    render_report,
)
from spacy_bioner.pipeline.bert_crf_ner import BertCrfNer


def write_report(
    gold: Path,
    system: Path,
    out: Path,
    *,
    train: Path | None,
    log: Path | None,
    title: str,
    language: str,
    examples: int,
    samples: int,
    gpu_id: int,
    force: bool,
) -> None:
    """Write report.html, metrics.json and model-card.md, and tell the main figures."""
    paths = [out / name for name in ("report.html", "metrics.json", "model-card.md")]
    check_outputs(paths, force)
    if log:
        read_curve(log)  # what is wrong with it is said before a system runs
    training = read_docs(train) if train else None
    cases, speed, facts = _run(gold, system, gpu_id)
    evaluation = evaluate(cases, training=training, log=log, speed=speed, samples=samples)
    facts |= {"Training data": str(train)} if train else {}
    heading = title or f"Report on {_name(system)}"
    labels = Labels(heading, str(system), str(gold), language=language, facts=facts)
    html = render_report(evaluation, labels, examples)
    _write(paths, [html, _json(metrics(evaluation)), render_card(evaluation, labels)])
    s, bounds = evaluation.micro, evaluation.intervals.f1
    typer.echo(
        f"P {100 * s.precision:.2f}  R {100 * s.recall:.2f}  F1 {100 * s.f1:.2f} "
        f"(95 %: {100 * bounds.low:.2f} to {100 * bounds.high:.2f})"
    )
    for sentence in evaluation.advice:
        typer.echo(f"- {sentence}")
    typer.echo(f"written: {', '.join(map(str, paths))}")


def write_comparison(
    gold: Path,
    systems: tuple[Path, Path],
    out: Path,
    *,
    names: str,
    title: str,
    language: str,
    examples: int,
    samples: int,
    gpu_id: int,
    force: bool,
) -> None:
    """Write comparison.html and metrics.json, and tell the main figures."""
    paths = [out / name for name in ("comparison.html", "metrics.json")]
    pair = _names(names, *systems)
    check_outputs(paths, force)
    runs = [_run(gold, system, gpu_id) for system in systems]
    one, other = (evaluate(cases, speed=speed, samples=samples) for cases, speed, _ in runs)
    comparison = compare(one, other, samples)
    heading, data = title or f"{pair[1]} against {pair[0]}", " and ".join(map(str, systems))
    labels = Labels(heading, data, str(gold), names=pair, language=language)
    html = render_comparison(comparison, labels, examples)
    _write(paths, [html, _json(comparison_metrics(comparison))])
    total = comparison.total
    for name, evaluation in zip(pair, (one, other), strict=True):
        typer.echo(f"{name}: F1 {100 * evaluation.micro.f1:.2f}")
    typer.echo(
        f"difference {100 * total.difference:+.2f} (95 %: {100 * total.interval.low:+.2f} to "
        f"{100 * total.interval.high:+.2f}), p {total.randomisation:.3f} by approximate "
        f"randomisation, {total.bootstrap:.3f} by paired bootstrap"
    )
    for sentence in of_few(len(runs[0][0])):
        typer.echo(f"- {sentence}")
    typer.echo(f"written: {', '.join(map(str, paths))}")


def _run(gold: Path, system: Path, gpu_id: int) -> tuple[list[Case], Any, dict[str, str]]:
    """The cases, and of a pipeline its speed and what is known of it."""

    if system.suffix == ".spacy":
        return make_cases(read_docs(gold), read_docs(system)), None, {}
    nlp = load_pipeline(system, gpu_id)
    with ExitStack() as scoring:
        for component in _with_confidences(nlp):
            scoring.enter_context(component.scoring())
        prediction = predict(nlp, gold)
    speed = Speed(prediction.seconds, prediction.words)
    return make_cases(prediction.gold, prediction.found), speed, _facts(nlp)


def _with_confidences(nlp: Language) -> list[Any]:
    """The components that can tell how sure they are: ours, with a CRF."""

    own = [component for _, component in nlp.pipeline if isinstance(component, BertCrfNer)]
    return [component for component in own if component.cfg["loss"] == "crf"]


def _facts(nlp: Language) -> dict[str, str]:
    meta = nlp.meta
    facts = {
        "Pipeline": f"{meta['lang']}_{meta['name']} {meta['version']}",
        "spaCy": meta["spacy_version"],
        "Components": ", ".join(nlp.pipe_names),
        "Author": meta.get("author", ""),
        "Licence": meta.get("license", ""),
        "Description": meta.get("description", ""),
    }
    return {name: value for name, value in facts.items() if value}


def _name(system: Path) -> str:
    """How people call a system: the folder above where spaCy names it model-best."""
    path = system.resolve()
    return (
        path.parent.name
        if path.name in ("model-best", "model-last")
        else path.name.removesuffix(".spacy")
    )


def _names(names: str, a: Path, b: Path) -> tuple[str, str]:
    if names:
        first, _, second = names.partition(",")
        first, second = first.strip(), second.strip()
        if not (first and second):
            raise typer.BadParameter(f"{names!r}: write it as FIRST,SECOND")
        return first, second
    pair = _name(a), _name(b)
    return pair if pair[0] != pair[1] else ("A", "B")


def _write(paths: list[Path], texts: list[str]) -> None:

    with new_outputs(paths) as temporary:
        for path, text in zip(temporary, texts, strict=True):
            path.write_text(text, encoding="utf-8")


def _json(data: dict[str, Any]) -> str:
    return json.dumps(data, ensure_ascii=False, indent=1) + "\n"
