"""The two kinds of output of a conversion: .spacy files, and files of any written format."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

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
from spacy_bioner.corpora.document import Document, Offsets
from spacy_bioner.corpora.receipt import Receipt
from spacy_bioner.corpora.tokenizers import no_other_factories
from spacy_bioner.corpora.writers import Writer
from spacy_bioner.corpora.writing_log import WriteLog

_DOCUMENTS_PER_TASK = 200


@dataclass(slots=True)
class Account:
    """Adds up the receipt of one output while Documents pass."""

    documents: int = 0
    mentions: Counter[str] = field(default_factory=Counter)
    changes: list[Change] = field(default_factory=list)
    retokenised: int = 0

    def add(self, receipt: Receipt) -> None:
        self.documents += receipt.documents
        self.mentions.update(receipt.labels)
        self.changes += receipt.changes
        self.retokenised += receipt.retokenised

    def receipt(self) -> Receipt:
        return Receipt.of(self.documents, self.mentions, self.changes, self.retokenised)


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
    tasks = _chunks(_watched(documents, KEEPS, log))
    for data, receipt in _results(_align_chunk, tasks, nlp, placement, jobs):
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


_Result = TypeVar("_Result")
_Task = Callable[[Language, Placement, list[Document]], _Result]


def _results(
    run: _Task[_Result],
    tasks: Iterator[list[Document]],
    nlp: Language,
    placement: Placement,
    jobs: int,
) -> Iterator[_Result]:
    """What `run` makes of each task, in order, in so many processes."""
    if jobs == 1:
        yield from (run(nlp, placement, task) for task in tasks)
        return
    described = (nlp.config, nlp.to_bytes(), nlp.max_length)
    with ProcessPoolExecutor(jobs, initializer=_start, initargs=(described, placement)) as pool:
        yield from _in_order(pool, run, tasks, 2 * jobs)


def _in_order(
    pool: ProcessPoolExecutor, run: _Task[_Result], tasks: Iterator[list[Document]], ahead: int
) -> Iterator[_Result]:
    """Results in the order of the tasks, with no more than `ahead` tasks under way."""
    running: deque[Future[_Result]] = deque()
    for task in tasks:
        running.append(pool.submit(_run, run, task))
        if len(running) >= ahead:
            yield running.popleft().result()
    while running:
        yield running.popleft().result()


_worker: dict[str, Any] = {}


def _start(described: tuple[Any, bytes, int], placement: Placement) -> None:
    config, data, max_length = described
    with nullcontext() if config["nlp"]["pipeline"] else no_other_factories():
        nlp = load_model_from_config(config)
    nlp.from_bytes(data)
    nlp.max_length = max_length
    _worker.update(nlp=nlp, placement=placement)


def _run(run: _Task[_Result], task: list[Document]) -> _Result:
    return run(_worker["nlp"], _worker["placement"], task)


def _align_chunk(
    nlp: Language, placement: Placement, task: list[Document]
) -> tuple[bytes, Receipt]:
    docbin, receipt = documents_to_docbin(task, nlp, placement)
    return docbin.to_bytes(), receipt


def _chunks(documents: Iterable[Document]) -> Iterator[list[Document]]:
    stream = iter(documents)
    while chunk := list(islice(stream, _DOCUMENTS_PER_TASK)):
        yield chunk


def write_format(
    documents: Iterable[Document],
    path: Path,
    writer: Writer,
    nlp: Language,
    placement: Placement,
    *,
    log: WriteLog,
    jobs: int = 1,
) -> Receipt:
    """Write Documents in a format other than spaCy's, as they come.

    For formats made of tokens, mentions are put on them first (see `Placement`): those
    of the corpus where it has them, unless the tokenizer is asked for, else nlp's, or
    characters where the format is made of these. jobs: processes that do so.
    """
    account = Account()
    prepared = _untouched(documents, account)
    if writer.tokens:
        place = partial(_place_chunk, writer.tokens == "characters")
        results = _results(place, _chunks(documents), nlp, placement, jobs)
        prepared = _placed(results, account)
    writer.write(prepared, path, log=log)
    return account.receipt()


def _untouched(documents: Iterable[Document], account: Account) -> Iterator[Document]:
    for document in documents:
        account.documents += 1
        account.mentions.update(entity.label for entity in document.entities)
        yield document


def _placed(
    results: Iterable[tuple[list[Document], Receipt]], account: Account
) -> Iterator[Document]:
    for documents, receipt in results:
        account.add(receipt)
        yield from documents


def _place_chunk(
    characters: bool, nlp: Language, placement: Placement, task: list[Document]
) -> tuple[list[Document], Receipt]:
    """Documents with tokens that their mentions fit. characters: where they have no tokens."""
    mentions = Counter(entity.label for document in task for entity in document.entities)
    placed, changes, retokenised = list[Document](), list[Change](), 0
    for document in task:
        if characters and placement.tokens == "auto" and document.tokens is None:
            tokens: Offsets = tuple((i, i + 1) for i in range(len(document.text)))
        else:
            tokens = tokens_of(document, nlp, placement)
        result, changed = place_on_tokens(
            replace(document, tokens=tokens), placement.policy, placement.overlap
        )
        placed.append(result)
        changes += changed
        retokenised += document.tokens not in (None, result.tokens)
    return placed, Receipt.of(len(task), mentions, changes, retokenised)
