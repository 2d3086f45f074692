"""One token and its BIO tag a line, with a blank line after each Document."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Literal

from spacy_bioner.corpora.document import Document, Offsets
from spacy_bioner.corpora.tagged import split_line, unit_offsets
from spacy_bioner.corpora.tagging import (
    WHITE_SPACE,
    TextCheck,
    check_document,
    tag_sentences,
    write_lines,
)
from spacy_bioner.corpora.text_lines import LineError
from spacy_bioner.corpora.writing_log import Feature, WriteLog

Unit = Literal["auto", "characters", "tokens"]

KEEPS = frozenset({Feature.TOKENS})


def write_character_tags(
    documents: Iterable[Document],
    path: Path,
    *,
    log: WriteLog | None = None,
    unit: Unit = "auto",
) -> None:
    """Write each Document as a sentence of `token TAG` lines.

    unit: what stands in a line: the Document's "tokens" (its characters where it has
    none) or its "characters"; "auto" takes tokens if each of them is one character or
    holds no white space. Between token and tag stands a space, if the first Document is
    written by characters, else a tab.

    Blanks are tokens as any other (two spaces and the tag). A line break within the
    text is written as a blank, and white space within a token that cannot be read back
    as "_". Ids of Documents are not written.

    Raises ConfigError for half a surrogate pair.
    Format: https://github.com/NYCU-NLP/ROCLING-2022-ST-CHNER
    """
    log = log if log is not None else WriteLog()
    write_lines(_lines(documents, unit, log), path)


def _lines(documents: Iterable[Document], unit: Unit, log: WriteLog) -> Iterator[str]:
    check = TextCheck(log)
    separator = ""
    for document in documents:
        check_document(document)
        if not document.text:
            log.lose("documents without text left out", document.id)
            continue
        tokens = _units(document, unit)
        separator = separator or (" " if tokens == unit_offsets(document.text) else "\t")
        yield from _document_lines(document, tokens, separator, check)
    check.close()


def _units(document: Document, unit: Unit) -> Offsets:
    """What stands in a line each."""
    characters = unit_offsets(document.text)
    if unit == "characters" or not document.tokens:
        return characters
    if unit == "tokens" or all(_can_be_said(document.text[a:b]) for a, b in document.tokens):
        return document.tokens
    return characters


def _can_be_said(token: str) -> bool:
    return len(token) == 1 or not WHITE_SPACE.search(token)


def _document_lines(
    document: Document, tokens: Offsets, separator: str, check: TextCheck
) -> Iterator[str]:
    log = check.log
    log.compare(document, KEEPS)
    log.lose("ids of documents not kept", document.id, bool(document.id))
    other_tokens = document.tokens is not None and document.tokens != tokens
    log.lose("token boundaries not kept", document.id, other_tokens)
    written: list[str | None] = []
    for sentence in tag_sentences(document, tokens, log):
        for token, tag in zip(sentence.tokens, sentence.tags, strict=True):
            line, token = _line(token, tag, separator, document, log)
            written.append(token)
            yield line
    yield "\n"
    check.add(document, [*written, None])


def _line(
    token: str, tag: str, separator: str, document: Document, log: WriteLog
) -> tuple[str, str]:
    """The line, and the token as it will be read from it."""
    if token == "\n":
        log.lose("line breaks written as blanks", document.id)
        token = " "
    for between in (separator, "\t"):
        line = f"{token}{between}{tag}\n"
        if _is_read_as(line, token, tag):
            return line, token
    log.lose('tokens with white space written with "_"', document.id)
    token = WHITE_SPACE.sub("_", token)
    return f"{token}{separator}{tag}\n", token


def _is_read_as(line: str, token: str, tag: str) -> bool:
    try:
        return "\n" not in token and split_line(line) == (token, tag)
    except LineError:
        return False
