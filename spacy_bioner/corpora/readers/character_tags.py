"""One token and its tag a line, with a blank line after each sentence.

The format of ROCLING-2022 CHNER and ROCLING-2023 MultiNER-Health, one character a line
(https://github.com/NYCU-NLP/ROCLING-2022-ST-CHNER), and of many English corpora, one
word a line.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain, islice
from pathlib import Path

from spacy_bioner.corpora.document import Document
from spacy_bioner.corpora.reading_log import FileLog, ReadLog
from spacy_bioner.corpora.tag_schemes import DOCUMENT_START, guess_scheme
from spacy_bioner.corpora.tagged import (
    JOINER_LINES,
    Joiner,
    entities_from_tags,
    guess_joiner,
    parse_tag,
    split_line,
    unit_offsets,
)
from spacy_bioner.corpora.text_lines import LineError, read_lines
from spacy_bioner.errors import CorpusError

_Row = tuple[int, tuple[str, str] | None]

_TESTED_LINES = 50  # as many lines decide whether a file has this format
_GENRE = re.compile(r"_(FT|SM|WA)\.txt$")


def read_character_tags(
    path: Path | str,
    *,
    log: ReadLog | None = None,
    joiner: Joiner = "auto",
) -> Iterator[Document]:
    """Yield the sentences of a file of `token TAG` lines, UTF-8, LF or CRLF.

    Token and tag are separated by a space or a tab; a token may itself be a blank. A
    line that is empty, or holds only spaces and tabs, ends a sentence.

    joiner: what stands between two tokens in the text. "auto" takes the first 1,000
    lines: a blank, if more of their tokens are words (two characters or more, not
    beginning with a Han character or kana) than Han characters or kana; else nothing.

    Documents are numbered from 1, `<stem of the file>-<n>`; genre is FT, SM or WA where
    the name ends so (`..._FT.txt`), else "". Slips are repaired and noted in
    the log (see `spacy_bioner.corpora.tagged`).

    Raises CorpusError with the line for a line without a tag, one of more than two
    columns, or a tag that cannot be read; also if there is no sentence at all.
    """
    path = Path(path)
    file_log = FileLog.open(path, log)
    genre = _GENRE.search(path.name)
    rows = _rows(path)
    if joiner == "auto":
        head = list(islice(rows, JOINER_LINES))
        joiner = guess_joiner([pair[0] for _, pair in head if pair])
        rows = chain(head, rows)
    n = 0
    for n, sentence in enumerate(_sentences(rows), 1):
        yield sentence.document(f"{path.stem}-{n}", genre[1] if genre else "", joiner, file_log)
    if n == 0:
        raise CorpusError("no sentences: the file holds no tagged line. Check the path.", path)


@dataclass(slots=True)
class _Sentence:
    """Tokens and tags of consecutive lines, the first of which has the number `line`."""

    line: int
    tokens: list[str] = field(default_factory=list)
    tags: list[str] = field(default_factory=list)

    def document(self, id: str, genre: str, joiner: str, log: FileLog) -> Document:
        lines = range(self.line, self.line + len(self.tags))
        if "" in self.tokens:
            self._fill_missing_tokens(lines, log)
        tokens = unit_offsets(self.tokens, joiner)
        entities = entities_from_tags(self.tags, tokens, lines, log)
        return Document(joiner.join(self.tokens), entities, id, genre, tokens)

    def _fill_missing_tokens(self, lines: Sequence[int], log: FileLog) -> None:
        for index, token in enumerate(self.tokens):
            if not token:
                tag = self.tags[index]
                log.repair(lines[index], f" {tag}", f"  {tag}", "no token before the tag")
                self.tokens[index] = " "


def _rows(path: Path) -> Iterator[_Row]:
    """Line numbers with (token, tag), or with None where a sentence ends."""
    number = 0
    try:
        for number, line in read_lines(path):
            yield number, split_line(line)
    except LineError as error:
        raise CorpusError(str(error), path, number) from None


def _sentences(rows: Iterable[_Row]) -> Iterator[_Sentence]:
    sentence: _Sentence | None = None
    for number, pair in rows:
        if pair is None:
            if sentence:
                yield sentence
            sentence = None
            continue
        if sentence is None:
            sentence = _Sentence(number)
        sentence.tokens.append(pair[0])
        sentence.tags.append(pair[1])
    if sentence:
        yield sentence


def fits_character_tags(path: Path, head: bytes) -> bool:
    """Whether half of the first lines are a token and a tag; wrong bytes do not matter.

    A file with the tags of another scheme than BIO, or with comments or -DOCSTART- lines,
    is left to the format "conll".
    """
    lines = head.decode("utf-8-sig", errors="replace").split("\n")
    lines = lines[:-1] or lines
    tested = [_tag(line) for line in lines if line.strip(" \t\r")][:_TESTED_LINES]
    if not sum(parse_tag(tag) is not None for tag in tested) >= len(tested) / 2 > 0:
        return False
    if any(line.startswith(DOCUMENT_START) or _is_comment(line) for line in lines):
        return False
    return guess_scheme(map(_tag, lines)) == "BIO"


def _is_comment(line: str) -> bool:
    """Whether "conll" passes a line over: "# O" is the token # and its tag."""
    return line.startswith(("# ", "###")) and parse_tag(_tag(line)) is None


def _tag(line: str) -> str:
    """The tag of a line, "" if it has none."""
    try:
        pair = split_line(line)
    except LineError:
        return ""
    return pair[1] if pair else ""
