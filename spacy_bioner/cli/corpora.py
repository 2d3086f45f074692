"""Commands that read and write corpora."""

import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import typer

from spacy_bioner.cli.options import (
    Align,
    AlignOption,
    ForceOption,
    FormatOption,
    Inputs,
    JobsOption,
    LangOption,
    LimitOption,
    Output,
    Overlap,
    OverlapOption,
    PartsFolder,
    PartsOption,
    PartsToOption,
    Pieces,
    PiecesOption,
    ReportOption,
    SeedOption,
    SplitOption,
    StrictOption,
    Tokens,
    TokensOption,
    ToOption,
)
from spacy_bioner.corpora.document import Document


def parse_shares(text: str) -> dict[str, float]:
    """'train=0.9,dev=0.1' -> {'train': 0.9, 'dev': 0.1}"""
    try:
        pairs = [part.split("=") for part in text.split(",")]
        shares = {name.strip(): float(share) for name, share in pairs}
    except ValueError:
        raise typer.BadParameter(f"{text!r}: write it as train=0.9,dev=0.1") from None
    if len(shares) < len(pairs):
        raise typer.BadParameter(f"{text!r}: name each part once")
    return shares


def convert_command(
    inputs: Inputs,
    out: Output,
    format: FormatOption = "auto",
    to: ToOption = "spacy",
    lang: LangOption = "zh",
    tokens: TokensOption = Tokens.auto,
    align: AlignOption = Align.strict,
    overlap: OverlapOption = Overlap.longest,
    split: SplitOption = None,
    seed: SeedOption = 0,
    pieces: PiecesOption = Pieces.whole,
    jobs: JobsOption = 1,
    strict: StrictOption = False,
    report: ReportOption = None,
    force: ForceOption = False,
) -> None:
    """Bring an annotated corpus into spaCy's format or another, and say what was lost.

    Every mention that is moved or dropped is listed, and so is what was repaired, not
    read, or cannot be said in the new format. Nothing is written unless all inputs are
    read; existing files are kept without --force.

    \b
    Examples:
    spacy bioner convert truth_FT.txt truth_SM.txt corpus --split train=0.9,dev=0.1
    spacy bioner convert CDR_TrainingSet.PubTator.txt train.spacy --lang en --align expand
    spacy bioner convert predicted.spacy predicted.xml --to bioc_xml
    spacy bioner convert a.conll a.tsv --format conll:tag_column=1 --to conll:scheme=BIOES
    """
    from spacy_bioner.corpora.docbin import Placement

    settings: dict[str, Any] = {"format": format, "to": to, "seed": seed, "pieces": pieces.value}
    settings |= {"strict": strict, "force": force, "jobs": jobs, "report_path": report}
    settings |= {"placement": Placement(tokens.value, align.value, overlap.value)}
    run_conversion(inputs, out, lang, parse_shares(split) if split else None, settings)


def split_command(
    inputs: Inputs,
    out: PartsFolder,
    parts: PartsOption = "train=0.8,dev=0.1,test=0.1",
    format: FormatOption = "auto",
    to: PartsToOption = "auto",
    lang: LangOption = "zh",
    seed: SeedOption = 0,
    strict: StrictOption = False,
    force: ForceOption = False,
) -> None:
    """Divide a corpus by document into parts with like shares of each entity type.

    Documents with the same text or a longer sentence in common fall in the same part,
    so that nothing of the evaluation is seen in training. Docs of .spacy files keep their tokens.

    Example: spacy bioner split corpus.json parts --parts train=0.9,dev=0.1 --seed 1
    """
    from spacy_bioner.corpora.docbin import DEFAULT, Placement
    from spacy_bioner.corpora.reading import expand_inputs, format_as_read

    formats = [format_as_read(path, format) for path in expand_inputs(inputs, format)]
    if to == "auto":
        to = formats[0]
    settings: dict[str, Any] = {"format": format, "to": to, "seed": seed, "strict": strict}
    is_only_dealt = {to, *formats} == {"spacy"}
    settings["placement"] = Placement("corpus", overlap="spans") if is_only_dealt else DEFAULT
    run_conversion(inputs, out, lang, parse_shares(parts), settings | {"force": force})


def run_conversion(
    inputs: Inputs,
    out: Output,
    lang: str,
    split: dict[str, float] | None,
    settings: dict[str, Any],
) -> None:
    from spacy_bioner.corpora.convert import convert
    from spacy_bioner.corpora.tokenizers import blank_pipeline

    nlp = blank_pipeline(lang, settings["placement"].tokens)
    settings |= {"nlp": nlp, "split": split, "progress": sys.stderr.isatty()}
    typer.echo(convert(inputs, out, **settings).render())


def check_command(
    inputs: Inputs,
    format: FormatOption = "auto",
    limit: LimitOption = 5,
    strict: StrictOption = False,
) -> None:
    """Look for what is wrong in a corpus, or between its parts; exit code 1 for errors.

    Each input is a part: duplicates within and between parts, strings annotated one way
    here and another there, illegal tags, odd characters, labels that drift, and, for
    Chinese, scripts and widths that differ and boundaries that cut a run such as COVID-19.

    Example: spacy bioner check train.json dev.json
    """
    from spacy_bioner.corpora.checks import check_corpora, has_errors, render_findings
    from spacy_bioner.corpora.reading import expand_inputs, read_corpus
    from spacy_bioner.corpora.reading_log import ReadLog

    log = ReadLog(strict)
    paths = expand_inputs(inputs, format)
    for path, n in Counter(paths).items():
        if n > 1:
            raise typer.BadParameter(f"{path} is named twice: each input is a part of its own")
    parts = {str(p): with_progress(read_corpus(p, format, log=log), p) for p in paths}
    findings = check_corpora(parts, log)
    typer.echo(render_findings(findings, limit or None))
    if has_errors(findings):
        raise typer.Exit(1)


def stats_command(
    inputs: Inputs, format: FormatOption = "auto", strict: StrictOption = False
) -> None:
    """Sentences, lengths and entities, and B and I counts of each type.

    Example: spacy bioner stats train.json dev.json
    """
    from spacy_bioner.corpora.reading import expand_inputs, read_corpus
    from spacy_bioner.corpora.reading_log import ReadLog
    from spacy_bioner.corpora.receipt import SHOWN
    from spacy_bioner.corpora.stats import corpus_statistics, render_statistics

    log = ReadLog(strict)
    corpora = {
        str(path): corpus_statistics(with_progress(read_corpus(path, format, log=log), path))
        for path in expand_inputs(inputs, format)
    }
    typer.echo("\n".join([render_statistics(corpora), *log.render(SHOWN)]))


def with_progress(documents: Iterable[Document], path: Path) -> Iterator[Document]:
    """The documents, counted in a progress bar on a terminal from the first one on."""
    from tqdm import tqdm

    yield from tqdm(documents, path.name, unit=" documents", disable=not sys.stderr.isatty())


def formats_command() -> None:
    """List the corpus formats that can be read and written, with their settings.

    Settings follow the name: --format conll:tag_column=1, --to conll:scheme=BIOES.
    """
    from spacy_bioner.corpora.readers import READERS
    from spacy_bioner.corpora.writers import WRITERS

    for name, reader in READERS.items():
        written = "read, written" if name in WRITERS or name == "spacy" else "read"
        typer.echo(f"{name:<16}{written:<15}{reader.about}")
        settings = {"read": reader.settings}
        if name in WRITERS:
            settings["written"] = WRITERS[name].settings
        for way, known in settings.items():
            if known:
                typer.echo(f"{'':<16}{way}: {', '.join(known)}")
