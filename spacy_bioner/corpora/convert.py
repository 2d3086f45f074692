"""Corpus files of any registered format -> .spacy files for `spacy train`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from spacy.language import Language
from tqdm import tqdm

from spacy_bioner.corpora.docbin import (
    Receipt,
    TokenSource,
    documents_to_docbin,
    render_list,
)
from spacy_bioner.corpora.document import Document
from spacy_bioner.corpora.outputs import check_outputs, write_together
from spacy_bioner.corpora.readers import read_corpus
from spacy_bioner.corpora.split import check_shares, split_documents
from spacy_bioner.corpora.tagged import Repair
from spacy_bioner.errors import ConfigError, CorpusError

_SHOWN = 20


@dataclass(frozen=True, slots=True)
class ConversionReport:
    """What a conversion read, repaired and wrote.

    parts: the receipt of each output file. inputs: mentions by label of each input
    file. repairs: every slip that was repaired.
    """

    parts: dict[Path, Receipt]
    inputs: dict[Path, dict[str, int]]
    repairs: tuple[Repair, ...] = ()

    @property
    def documents(self) -> int:
        return sum(receipt.documents for receipt in self.parts.values())

    @property
    def labels_in_some_inputs(self) -> dict[str, list[Path]]:
        """Labels that not all inputs have, with the inputs that have them."""
        return _labels_in_some(self.inputs)

    @property
    def labels_in_some_parts(self) -> dict[str, list[Path]]:
        """Labels that not all outputs have, with the outputs that have them."""
        return _labels_in_some({path: receipt.labels for path, receipt in self.parts.items()})

    def render(self, limit: int | None = _SHOWN) -> str:
        """One text; each list in it ends after `limit` items (None: never)."""
        lines = [f"{path}: {receipt.render(limit)}" for path, receipt in self.parts.items()]
        uneven = [
            f"label {label!r} occurs only in {', '.join(map(str, paths))}"
            for where in (self.labels_in_some_inputs, self.labels_in_some_parts)
            for label, paths in where.items()
        ]
        if self.repairs:
            lines.append(f"{len(self.repairs):,} tags were repaired")
            lines += render_list(self.repairs, limit)
        return "\n".join([*lines, *uneven])


def convert(
    inputs: Sequence[Path | str],
    out: Path | str,
    *,
    nlp: Language,
    format: str = "auto",
    split: Mapping[str, float] | None = None,
    seed: int = 0,
    strict: bool = False,
    force: bool = False,
    tokens: TokenSource = "tokenizer",
    progress: bool = False,
    report_path: Path | str | None = None,
) -> ConversionReport:
    """Read the inputs one after the other and write them as spaCy training data.

    out: a .spacy file, or with split (part -> share; see `split_documents`) a folder
    that gets `<part>.spacy` for each. nlp, tokens: see `document_to_doc`. strict: slips
    are errors. progress: a bar on stderr. report_path: a file for the whole report.

    Outputs appear all together when everything has succeeded. Raises OutputExistsError
    before any work unless force is given; ConfigError for settings, CorpusError for inputs.
    """
    outputs = _outputs(Path(out), split)
    report_file = [Path(report_path)] if report_path is not None else []
    if not inputs:
        raise ConfigError("no input files: name at least one")
    check_outputs([*outputs.values(), *report_file], force)
    source = _Source([Path(path) for path in inputs], format, strict)
    documents: Iterable[Document] = tqdm(source, unit=" documents", disable=not progress)
    parts: Mapping[str, Iterable[Document]] = dict.fromkeys(outputs, documents)
    if split is not None:
        parts = split_documents(documents, split, seed)
    docbins = {outputs[n]: documents_to_docbin(part, nlp, tokens) for n, part in parts.items()}
    report = source.report({path: receipt for path, (_, receipt) in docbins.items()})
    contents = {path: docbin.to_bytes() for path, (docbin, _) in docbins.items()}
    for path in report_file:
        contents[path] = f"{report.render(limit=None)}\n".encode()
    write_together(contents)
    return report


def _outputs(out: Path, split: Mapping[str, float] | None) -> dict[str, Path]:
    """Output file of each part; without a split there is one part."""
    if split is None:
        if out.suffix != ".spacy":
            raise ConfigError(f"{out}: name the output *.spacy, or give a split for a folder")
        return {out.stem: out}
    check_shares(split)
    if out.exists() and not out.is_dir():
        raise ConfigError(f"{out}: is a file. Name a folder for the parts {list(split)}.")
    for name in split:
        if name in ("", ".", "..") or Path(name).name != name:
            raise ConfigError(f"part name {name!r} cannot name a file: use a word, as train")
    return {name: out / f"{name}.spacy" for name in split}


@dataclass(slots=True)
class _Source:
    """Documents of all inputs; gathers repairs and labels on the way, and compares ids."""

    inputs: list[Path]
    format: str
    strict: bool
    repairs: list[Repair] = field(default_factory=list)
    labels: dict[Path, Counter[str]] = field(default_factory=dict)

    def __iter__(self) -> Iterator[Document]:
        origin: dict[str, Path] = {}
        for path in self.inputs:
            labels = self.labels[path] = Counter()
            for document in read_corpus(
                path, self.format, strict=self.strict, repairs=self.repairs
            ):
                if document.id in origin:
                    raise _repeated_id(document.id, path, origin[document.id])
                origin[document.id] = path
                labels.update(entity.label for entity in document.entities)
                yield document

    def report(self, receipts: dict[Path, Receipt]) -> ConversionReport:
        labels = {path: dict(counts) for path, counts in self.labels.items()}
        return ConversionReport(receipts, labels, tuple(self.repairs))


def _repeated_id(id: str, path: Path, first: Path) -> CorpusError:
    fix = "Give each document an id of its own."
    if path != first:
        fix = "Convert the files apart, or rename one (tagged files take their ids from it)."
    return CorpusError(f"the document id {id!r} was already used in {first}. {fix}", path)


def _labels_in_some(counts: Mapping[Path, Mapping[str, int]]) -> dict[str, list[Path]]:
    labels = sorted({label for labels in counts.values() for label in labels})
    having = {label: [path for path in counts if label in counts[path]] for label in labels}
    return {label: paths for label, paths in having.items() if len(paths) < len(counts)}
