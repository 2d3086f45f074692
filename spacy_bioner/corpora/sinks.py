"""The two kinds of output of a conversion: .spacy files, and files of any written format."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import Any

from spacy.language import Language
from spacy.util import load_model_from_config

from spacy_bioner.corpora.alignment import Change, place_on_tokens
from spacy_bioner.corpora.docbin import (
    KEEPS,
    Placement,
    documents_to_docbin,
    empty_docbin,
    tokens_of,
)
from spacy_bioner.corpora.document import Document
from spacy_bioner.corpora.receipt import Receipt
from spacy_bioner.corpora.writers import Writer
from spacy_bioner.corpora.writing_log import WriteLog

_DOCUMENTS_PER_TASK = 200


@dataclass(slots=True)
class Account:
    """Adds up the receipt of one output while Documents pass."""

    documents: int = 0
    mentions: Counter[str] = field(default_factory=Counter)
    changes: list[Change] = field(default_factory=list)

    def add(self, receipt: Receipt) -> None:
        self.documents += receipt.documents
        self.mentions.update(receipt.labels)
        self.changes += receipt.changes

    def receipt(self) -> Receipt:
        return Receipt.of(self.documents, self.mentions, self.changes)


def write_spacy(
    documents: Iterable[Document],
    path: Path,
    nlp: Language,
    placement: Placement,
    *,
    log: WriteLog,
    per_file: int | None = None,
    jobs: int = 1,
) -> Receipt:
    """Write one .spacy file, or a folder of them with some `per_file` tokens each.

    Memory grows with one file's documents (and, by far less, with the changes that the
    receipt lists). jobs: processes that tokenise and align.
    """
    account = Account()
    docbin, number = empty_docbin(), 1
    if per_file is not None:
        path.mkdir()
    watched = _watched(documents, KEEPS, log)
    for data, receipt in _aligned(watched, nlp, placement, jobs):
        account.add(receipt)
        docbin.merge(empty_docbin().from_bytes(data))
        if per_file is not None and sum(map(len, docbin.tokens)) >= per_file:
            docbin.to_disk(path / f"{number:05}.spacy")
            docbin, number = empty_docbin(), number + 1
    if per_file is None:
        docbin.to_disk(path)
    elif len(docbin):
        docbin.to_disk(path / f"{number:05}.spacy")
    return account.receipt()


def _watched(
    documents: Iterable[Document], keeps: frozenset[Any], log: WriteLog
) -> Iterator[Document]:
    for document in documents:
        log.compare(document, keeps)
        yield document


def _aligned(
    documents: Iterable[Document],
    nlp: Language,
    placement: Placement,
    jobs: int,
) -> Iterator[tuple[bytes, Receipt]]:
    """DocBins, as bytes, of some documents each, in order, with their receipts."""
    tasks = _chunks(documents, _DOCUMENTS_PER_TASK)
    if jobs == 1:
        yield from (_align_chunk(nlp, placement, task) for task in tasks)
        return
    described = (nlp.config, nlp.to_bytes(), nlp.max_length)
    with ProcessPoolExecutor(jobs, initializer=_start, initargs=(described, placement)) as pool:
        yield from _in_order(pool, tasks, 2 * jobs)


def _in_order(
    pool: ProcessPoolExecutor, tasks: Iterator[list[Document]], ahead: int
) -> Iterator[tuple[bytes, Receipt]]:
    """Results in the order of the tasks, with no more than `ahead` tasks under way."""
    running: deque[Future[tuple[bytes, Receipt]]] = deque()
    for task in tasks:
        running.append(pool.submit(_run, task))
        if len(running) >= ahead:
            yield running.popleft().result()
    while running:
        yield running.popleft().result()


_worker: dict[str, Any] = {}


def _start(described: tuple[Any, bytes, int], placement: Placement) -> None:
    config, data, max_length = described
    nlp = load_model_from_config(config)
    nlp.from_bytes(data)
    nlp.max_length = max_length
    _worker.update(nlp=nlp, placement=placement)


def _run(task: list[Document]) -> tuple[bytes, Receipt]:
    return _align_chunk(_worker["nlp"], _worker["placement"], task)


def _align_chunk(
    nlp: Language, placement: Placement, task: list[Document]
) -> tuple[bytes, Receipt]:
    docbin, receipt = documents_to_docbin(task, nlp, placement)
    return docbin.to_bytes(), receipt


def _chunks(documents: Iterable[Document], size: int) -> Iterator[list[Document]]:
    stream = iter(documents)
    while chunk := list(islice(stream, size)):
        yield chunk


def write_format(
    documents: Iterable[Document],
    path: Path,
    writer: Writer,
    nlp: Language,
    placement: Placement,
    *,
    log: WriteLog,
) -> Receipt:
    """Write Documents in a format other than spaCy's, as they come.

    For formats made of tokens, mentions are put on them first (see `Placement`): those
    of the corpus where it has them, unless the tokenizer is asked for, else nlp's, or
    characters where the format is made of these.
    """
    account = Account()
    prepare = _preparation(writer, nlp, placement)

    def prepared() -> Iterator[Document]:
        for document in documents:
            result, changes = prepare(document)
            account.documents += 1
            account.mentions.update(entity.label for entity in document.entities)
            account.changes += changes
            yield result

    writer.write(prepared(), path, log=log)
    return account.receipt()


_Prepare = Callable[[Document], tuple[Document, tuple[Change, ...]]]


def _preparation(writer: Writer, nlp: Language, placement: Placement) -> _Prepare:
    if not writer.tokens:
        return lambda document: (document, ())
    if writer.tokens == "characters" and placement.tokens == "auto":
        return lambda document: _on_tokens(_with_characters(document), placement)
    return lambda document: _on_tokens(
        replace(document, tokens=tokens_of(document, nlp, placement)), placement
    )


def _with_characters(document: Document) -> Document:
    if document.tokens is not None:
        return document
    return replace(document, tokens=tuple((i, i + 1) for i in range(len(document.text))))


def _on_tokens(document: Document, placement: Placement) -> tuple[Document, tuple[Change, ...]]:
    return place_on_tokens(document, placement.policy, placement.overlap)
