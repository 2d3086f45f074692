"""Corpus files of any format that is read -> training data for spaCy, or any format written."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from spacy.language import Language
from tqdm import tqdm

from spacy_bioner.corpora.docbin import DEFAULT, Placement
from spacy_bioner.corpora.document import Document
from spacy_bioner.corpora.outputs import check_outputs, new_outputs
from spacy_bioner.corpora.reading_log import ReadLog, Repair
from spacy_bioner.corpora.receipt import SHOWN, Receipt, render_list
from spacy_bioner.corpora.sentences import cut_document, join_documents
from spacy_bioner.corpora.sinks import write_format, write_spacy
from spacy_bioner.corpora.source import CorpusSource
from spacy_bioner.corpora.split import check_shares, split_documents
from spacy_bioner.corpora.writers import find_writer
from spacy_bioner.corpora.writing_log import WriteLog
from spacy_bioner.errors import ConfigError

Pieces = Literal["whole", "cut", "join"]

TOKENS_PER_FILE = 100_000


@dataclass(frozen=True, slots=True)
class ConversionReport:
    """What a conversion read, repaired, skipped and wrote.

    parts: the receipt of each output. inputs: mentions by label of each input file.
    reading: repairs and what was skipped. writing: what the new format cannot say.
    """

    parts: dict[Path, Receipt]
    inputs: dict[Path, dict[str, int]]
    reading: ReadLog
    writing: WriteLog

    @property
    def documents(self) -> int:
        return sum(receipt.documents for receipt in self.parts.values())

    @property
    def repairs(self) -> list[Repair]:
        return self.reading.repairs

    @property
    def labels_in_some_inputs(self) -> dict[str, list[Path]]:
        """Labels that not all inputs have, with the inputs that have them."""
        return _labels_in_some(self.inputs)

    @property
    def labels_in_some_parts(self) -> dict[str, list[Path]]:
        """Labels that not all outputs have, with the outputs that have them."""
        return _labels_in_some({path: receipt.labels for path, receipt in self.parts.items()})

    def render(self, limit: int | None = SHOWN) -> str:
        """One text; each list in it ends after `limit` items (None: never)."""
        lines = [f"{path}: {receipt.render(limit)}" for path, receipt in self.parts.items()]
        lines += self.reading.render(limit)
        if self.writing.losses:
            lines.append("not written, for the format cannot say it:")
            lines += render_list(list(self.writing.losses.values()), limit)
        uneven = {"inputs": self.labels_in_some_inputs, "outputs": self.labels_in_some_parts}
        for what, where in uneven.items():
            lines += [f"labels that not all {what} have:"] if where else []
            lines += render_list([_LabelInSome(*pair, limit) for pair in where.items()], limit)
        return "\n".join(lines)


@dataclass(frozen=True, slots=True)
class _LabelInSome:
    label: str
    paths: Sequence[Path]
    limit: int | None

    def __str__(self) -> str:
        shown = ", ".join(map(str, self.paths[: self.limit]))
        more = len(self.paths) - len(self.paths[: self.limit])
        return f"{self.label!r} occurs only in {shown}" + (f" and {more:,} more" * bool(more))


def convert(
    inputs: Sequence[Path | str],
    out: Path | str,
    *,
    nlp: Language,
    format: str = "auto",
    to: str = "spacy",
    placement: Placement = DEFAULT,
    split: Mapping[str, float] | None = None,
    seed: int = 0,
    pieces: Pieces = "whole",
    strict: bool = False,
    force: bool = False,
    jobs: int = 1,
    progress: bool = False,
    report_path: Path | str | None = None,
) -> ConversionReport:
    """Read the inputs one after the other and write them in another format.

    out: a file; a folder for brat, and for spacy unless its suffix is .spacy (a file for
    each 100,000 tokens, so that memory does not grow); with split (part -> share, see
    `split_documents`) a folder that gets an output for each part. to: "spacy" or a name
    in WRITERS, perhaps with settings, as conll:scheme=BIOES (so too format). nlp
    tokenises. pieces: "cut" into sentences, or "join" what was cut.
    strict: slips are errors. jobs: processes. report_path: for the whole report.

    Outputs appear all together when everything has succeeded. Raises OutputExistsError
    before any work unless force is given; ConfigError for settings, CorpusError for inputs.
    """
    outputs = _outputs(Path(out), to, split)
    reports = [Path(report_path)] if report_path is not None else []
    source = CorpusSource(inputs, format, ReadLog(strict))
    target = _Target(to, nlp, placement, jobs)
    check_outputs([*outputs.values(), *reports], force, makes_folder=target.makes_folder)
    log = WriteLog()
    documents = _in_pieces(tqdm(source, unit=" documents", disable=not progress), pieces, log)
    parts: Mapping[str, Iterable[Document]] = dict.fromkeys(outputs, documents)
    if split is not None:
        parts = split_documents(documents, split, seed)
    return _write_all(parts, outputs, target, source, reports, log)


def _in_pieces(documents: Iterable[Document], pieces: Pieces, log: WriteLog) -> Iterable[Document]:
    if pieces == "cut":
        return (piece for document in documents for piece in cut_document(document, log))
    return join_documents(documents) if pieces == "join" else documents


@dataclass(frozen=True, slots=True)
class _Target:
    """How Documents are written, to whatever path."""

    to: str
    nlp: Language
    placement: Placement
    jobs: int

    def __post_init__(self) -> None:
        if self.jobs < 1:
            raise ConfigError(f"jobs must be 1 or more, got {self.jobs}")

    def makes_folder(self, out: Path) -> bool:
        return self.to == "brat" or (self.to == "spacy" and out.suffix == "")

    def write(self, documents: Iterable[Document], out: Path, path: Path, log: WriteLog) -> Receipt:
        """Write to `path` what is to become `out`."""
        if self.to != "spacy":
            writer = find_writer(self.to)
            return write_format(
                documents, path, writer, self.nlp, self.placement, log=log, jobs=self.jobs
            )
        return write_spacy(
            documents,
            path,
            self.nlp,
            self.placement,
            log=log,
            per_file=None if out.suffix == ".spacy" else TOKENS_PER_FILE,
            jobs=self.jobs,
        )


def _write_all(
    parts: Mapping[str, Iterable[Document]],
    outputs: Mapping[str, Path],
    target: _Target,
    source: CorpusSource,
    reports: Sequence[Path],
    log: WriteLog,
) -> ConversionReport:
    """Write all parts and the report files; they appear together."""
    with new_outputs([*outputs.values(), *reports]) as paths:
        receipts = {
            out: target.write(parts[name], out, path, log)
            for (name, out), path in zip(outputs.items(), paths, strict=False)
        }
        labels = {path: dict(counts) for path, counts in source.labels.items()}
        report = ConversionReport(receipts, labels, source.log, log)
        for path in paths[len(outputs) :]:
            path.write_text(f"{report.render(limit=None)}\n", encoding="utf-8")
    return report


def _outputs(out: Path, to: str, split: Mapping[str, float] | None) -> dict[str, Path]:
    """Output of each part; without a split there is one part."""
    suffix = ".spacy" if to == "spacy" else find_writer(to).suffix
    if split is None:
        if to == "spacy" and out.suffix not in (".spacy", ""):
            raise ConfigError(f"{out}: name the output *.spacy, or a folder for several files")
        return {out.stem: out}
    check_shares(split)
    if out.exists() and not out.is_dir():
        raise ConfigError(f"{out}: is a file. Name a folder for the parts {list(split)}.")
    for name in split:
        if name in ("", ".", "..") or Path(name).name != name:
            raise ConfigError(f"part name {name!r} cannot name a file: use a word, as train")
    return {name: out / f"{name}{suffix}" for name in split}


def _labels_in_some(counts: Mapping[Path, Mapping[str, int]]) -> dict[str, list[Path]]:
    labels = sorted({label for labels in counts.values() for label in labels})
    having = {label: [path for path in counts if label in counts[path]] for label in labels}
    return {label: paths for label, paths in having.items() if len(paths) < len(counts)}
