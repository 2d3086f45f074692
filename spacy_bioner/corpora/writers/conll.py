"""CoNLL columns: token and tag a line, separated by a tab."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path

from spacy_bioner.corpora.document import Document
from spacy_bioner.corpora.tag_schemes import DOCUMENT_START, Scheme, scheme_named
from spacy_bioner.corpora.tagging import (
    WHITE_SPACE,
    TaggedSentence,
    TextCheck,
    check_document,
    tag_sentences,
    write_lines,
)
from spacy_bioner.corpora.writing_log import Feature, WriteLog
from spacy_bioner.errors import ConfigError

KEEPS = frozenset({Feature.TOKENS, Feature.SENTENCES})


def write_conll(
    documents: Iterable[Document],
    path: Path,
    *,
    log: WriteLog | None = None,
    scheme: Scheme = "BIO",
) -> None:
    """Write Documents as CoNLL columns, `token TAB tag`, with a blank line after a sentence.

    If the first Document has sentences, a line `-DOCSTART- TAB O` and a blank line
    stand before every Document; else before none, and a Document is one sentence. Two
    sentences that share a mention become one. Tokens of white space only are left out;
    white space within a token is written "_", as are the hyphens of a token that is
    -DOCSTART- itself. Ids of Documents are not written.

    Raises ConfigError for an unknown scheme, for a Document without tokens, and for half a
    surrogate pair.
    Format: https://www.clips.uantwerpen.be/conll2003/ner/
    """
    log = log if log is not None else WriteLog()
    write_lines(_lines(documents, scheme_named(scheme), log), path)


def _lines(documents: Iterable[Document], scheme: Scheme, log: WriteLog) -> Iterator[str]:
    documents = iter(documents)
    first = next(documents, None)
    if first is None:
        return
    marked = first.sentences is not None
    check = TextCheck(log)
    for document in chain([first], documents):
        check_document(document)
        yield from _document_lines(document, marked, scheme, check)
    check.close()


def _document_lines(
    document: Document, marked: bool, scheme: Scheme, check: TextCheck
) -> Iterator[str]:
    sentences = _sentences(document, marked, scheme, check.log)
    if not sentences:
        check.log.lose("documents without tokens left out", document.id)
        return
    tokens: list[str | None] = []
    if marked:
        tokens += [None, None]
        yield f"{DOCUMENT_START}\tO\n\n"
    for sentence in sentences:
        written = [_written(token, document, check.log) for token in sentence.tokens]
        tokens += [*written, None]
        for token, tag in zip(written, sentence.tags, strict=True):
            yield f"{token}\t{tag}\n"
        yield "\n"
    check.add(document, tokens)


def _sentences(
    document: Document, marked: bool, scheme: Scheme, log: WriteLog
) -> list[TaggedSentence]:
    if document.tokens is None:
        raise ConfigError(
            f"document {document.id!r} has no tokens, which CoNLL columns are made of: "
            "name a language to tokenize it in"
        )
    log.compare(document, KEEPS if marked else KEEPS - {Feature.SENTENCES})
    log.lose("ids of documents not kept", document.id, bool(document.id))
    return tag_sentences(
        document,
        document.tokens,
        log,
        scheme=scheme,
        sentences=document.sentences if marked else None,
        blanks=False,
    )


def _written(token: str, document: Document, log: WriteLog) -> str:
    """The token as the format can say it."""
    written = WHITE_SPACE.sub("_", token)
    if written == DOCUMENT_START:
        written = written.replace("-", "_")
    log.lose(
        'tokens with white space, or reserved, written with "_"', document.id, written != token
    )
    return written
