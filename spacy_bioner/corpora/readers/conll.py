"""CoNLL columns: a token a line, its tag in the last column.

The format of the CoNLL-2002 and CoNLL-2003 shared tasks
(https://www.clips.uantwerpen.be/conll2003/ner/), and of many corpora after them. It is
read by these rules:

- columns are separated by tabs in a line that holds one, else by runs of spaces; each
  token has as many;
- blank lines end sentences;
- a line whose first column is -DOCSTART- begins a document: all sentences up to the
  next, joined by line ends, are one Document; sentences before the first such line are
  a Document each;
- lines that begin with "# " or "###" are comments, unless they have all columns and a tag;
- comments, and columns other than the token's and the tag's, are passed over and counted;
- any other character is part of a token, NUL too.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain, dropwhile, islice
from pathlib import Path
from typing import Literal, NamedTuple

from spacy_bioner.corpora.document import Document, Entity
from spacy_bioner.corpora.reading_log import FileLog, ReadLog
from spacy_bioner.corpora.tag_schemes import (
    DOCUMENT_START,
    Scheme,
    guess_scheme,
    is_tag,
    scheme_named,
    to_bio,
)
from spacy_bioner.corpora.tagged import (
    JOINER_LINES,
    Joiner,
    entities_from_tags,
    guess_joiner,
    unit_offsets,
)
from spacy_bioner.corpora.text_lines import read_lines

_TESTED_LINES = 50  # as many lines decide whether a file has this format
_BLANKS = re.compile(" +")
_OUTSIDE = frozenset({"", "O"})
_EMPTY = frozenset({"", "O", "-", "-X-", "_"})  # what columns of -DOCSTART- lines may hold


def read_conll(
    path: Path | str,
    *,
    log: ReadLog | None = None,
    scheme: Scheme | Literal["auto"] = "auto",
    joiner: Joiner = "auto",
    token_column: int = 0,
    tag_column: int = -1,
) -> Iterator[Document]:
    """Yield the documents, or else the sentences, of a file of columns, UTF-8, LF or CRLF.

    It is read by the rules at the head of this module.

    scheme, joiner: the tag scheme, and what stands between two tokens in the text; "auto"
    takes the first 1,000 lines that are no comments, for the scheme from the first mention
    on (see `guess_scheme` and `guess_joiner`).
    token_column, tag_column: from 0, or from -1 backwards.

    Documents are numbered from 1, `<stem of the file>-<n>`. Slips in tags are repaired
    and noted in the log (see `spacy_bioner.corpora.tag_schemes`).

    Raises CorpusError with the line for another number of columns, an empty token, and a
    tag that the scheme has not; also for no sentence. ConfigError for an unknown scheme.
    """
    path = Path(path)
    file_log = FileLog.open(path, log)
    chosen = None if scheme == "auto" else scheme_named(scheme)
    first, rows = _rows(path, _Columns(token_column, tag_column, file_log))
    if joiner == "auto":
        joiner = guess_joiner([row.token for row in first if row.tag])
    if chosen is None:
        chosen = conll_scheme(path, token_column, tag_column)
    form = _Form(chosen, joiner, file_log)
    n = 0
    for n, (sentences, whole) in enumerate(_groups(chain(first, rows), file_log), 1):
        yield form.document(f"{path.stem}-{n}", sentences, whole)
    if n == 0:
        raise file_log.error("no sentences: the file holds no tagged line. Check the path.")


def conll_scheme(path: Path, token_column: int = 0, tag_column: int = -1) -> Scheme:
    """The tag scheme that `read_conll` takes where it is asked to guess."""
    first, rows = _rows(path, _Columns(token_column, tag_column, FileLog.open(path, None)))
    tags = dropwhile(_OUTSIDE.__contains__, (row.tag for row in chain(first, rows)))
    return guess_scheme(islice(tags, JOINER_LINES))


def _rows(path: Path, columns: _Columns) -> tuple[list[_Row], Iterator[_Row]]:
    """The first rows, by which scheme and joiner are guessed, and those after them."""
    lines = read_lines(path)
    head = list(islice(lines, JOINER_LINES))
    columns.learn(head)
    rows = columns.rows(chain(head, lines))
    return list(islice(rows, JOINER_LINES)), rows


class _Row(NamedTuple):
    """One line. tag: "" if it ends a sentence, and then a document if token is -DOCSTART-."""

    line: int
    token: str
    tag: str


@dataclass(slots=True)
class _Columns:
    """How lines are split, learnt from the first that is no comment.

    token, tag: the columns to read, from 0 or from -1 backwards. count: how many there
    are, 0 until it is known. line: where that was learnt.
    """

    token: int
    tag: int
    log: FileLog
    count: int = 0
    line: int = 0

    def learn(self, lines: Iterable[tuple[int, str]]) -> None:
        """Look ahead for the number of columns, by which comments are told from tokens.

        Where all lines look like comments, that of the first which has a tab and a tag.
        """
        tagged: tuple[int, list[str]] | None = None
        for number, line in lines:
            columns = _split(line)
            if not columns or columns[0] == DOCUMENT_START:
                continue
            if not _may_be_comment(line):
                self._learn(number, columns)
                return
            is_reached = -len(columns) <= self.tag < len(columns)
            if tagged is None and "\t" in line and is_reached and is_tag(columns[self.tag]):
                tagged = number, columns
        if tagged:
            self._learn(*tagged)

    def rows(self, lines: Iterable[tuple[int, str]]) -> Iterator[_Row]:
        """What the lines hold, comments left out."""
        for number, line in lines:
            columns = _split(line)
            if not columns:
                yield _Row(number, "", "")
            elif columns[0] == DOCUMENT_START:
                if not _EMPTY.issuperset(columns[1:]):
                    self.log.skip(f"columns of {DOCUMENT_START} lines", f"line {number}")
                yield _Row(number, DOCUMENT_START, "")
            elif _may_be_comment(line) and not self._is_tagged(columns):
                self.log.skip("comment lines", f"line {number}")
            else:
                yield self._row(number, line, columns)

    def _learn(self, number: int, columns: list[str]) -> None:
        self.count, self.line = len(columns), number
        if self.count < 2:
            raise self.log.error(
                f"no tag after {columns[0]!r}. Write the token, a tab, and its tag.", number
            )
        for name, column in (("token_column", self.token), ("tag_column", self.tag)):
            if not -self.count <= column < self.count:
                raise self.log.error(
                    f"{self.count} columns, none of which has the number {name}={column}. "
                    "Count from 0, or from -1 backwards.",
                    number,
                )
        read = {self.token % self.count, self.tag % self.count}
        for index in sorted(set(range(self.count)) - read):
            self.log.skip("columns beside token and tag", f"column {index + 1}: {columns[index]!r}")

    def _is_tagged(self, columns: list[str]) -> bool:
        return len(columns) == self.count and is_tag(columns[self.tag])

    def _row(self, number: int, line: str, columns: list[str]) -> _Row:
        if not self.count:
            self._learn(number, columns)
        if len(columns) != self.count:
            cut = "" if line.endswith("\n") else ", and the file ends within it (half-written?)"
            raise self.log.error(
                f"{len(columns)} columns, but {self.count} in line {self.line}{cut}. "
                "Give each token as many.",
                number,
            )
        token, tag = columns[self.token], columns[self.tag]
        if not token or not tag:
            raise self.log.error(f"the {'tag' if token else 'token'} is empty. Write one.", number)
        return _Row(number, token, tag)


def _may_be_comment(line: str) -> bool:
    return line.startswith(("# ", "###")) or line.rstrip(" \r\n") == "#"


def _split(line: str) -> list[str]:
    """The columns of a line, none if it is blank."""
    body = line.rstrip(" \r\n")
    if not body.strip(" \t"):
        return []
    if "\t" in body:
        return [column.strip(" ") for column in body.split("\t")]
    return _BLANKS.split(body.lstrip(" "))


@dataclass(slots=True)
class _Sentence:
    """The lines of a sentence, what each holds, and where."""

    tokens: list[str] = field(default_factory=list)
    tags: list[str] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)


def _groups(rows: Iterable[_Row], log: FileLog) -> Iterator[tuple[list[_Sentence], bool]]:
    """The sentences of each Document, and whether it is a whole document."""
    sentences: list[_Sentence] = []
    sentence = _Sentence()
    start: int | None = None  # line of the last -DOCSTART-
    for row in chain(rows, [_Row(0, DOCUMENT_START, "")]):
        if row.tag:
            sentence.tokens.append(row.token)
            sentence.tags.append(row.tag)
            sentence.lines.append(row.line)
            continue
        if sentence.tokens:
            sentences.append(sentence)
            sentence = _Sentence()
        if sentences and (start is None or row.token):
            yield sentences, start is not None
            sentences = []
        elif row.token and start is not None:
            log.skip("documents without tokens", f"line {start}")
        if row.token:
            start = row.line


@dataclass(frozen=True, slots=True)
class _Form:
    """How sentences become a Document."""

    scheme: Scheme
    joiner: str
    log: FileLog

    def document(self, id: str, sentences: Sequence[_Sentence], whole: bool) -> Document:
        texts = [self.joiner.join(sentence.tokens) for sentence in sentences]
        places = unit_offsets(texts, "\n")
        tokens: list[tuple[int, int]] = []
        entities: list[Entity] = []
        for sentence, (start, _) in zip(sentences, places, strict=True):
            units = unit_offsets(sentence.tokens, self.joiner)
            units = tuple((a + start, b + start) for a, b in units) if start else units
            tags = to_bio(sentence.tags, sentence.lines, self.scheme, self.log)
            entities += entities_from_tags(tags, units, sentence.lines, self.log)
            tokens += units
        marks = places if whole else None
        return Document("\n".join(texts), tuple(entities), id, "", tuple(tokens), sentences=marks)


def fits_conll(path: Path, head: bytes) -> bool:
    """Whether there is a -DOCSTART- line, or half of the first lines end in a tag.

    These must have as many columns as the first of them, two or more.
    """
    lines = head.decode("utf-8-sig", errors="replace").split("\n")
    lines = [line for line in lines[:-1] or lines if not _may_be_comment(line)]
    tested = [columns for columns in map(_split, lines) if columns]
    if any(columns[0] == DOCUMENT_START for columns in tested):
        return True
    tested = tested[:_TESTED_LINES]
    tagged = [len(columns) for columns in tested if len(columns) > 1 and is_tag(columns[-1])]
    return tagged.count(tagged[0] if tagged else 0) >= len(tested) / 2 > 0
