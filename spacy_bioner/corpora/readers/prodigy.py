"""JSON lines of Prodigy and spaCy: https://prodi.gy/docs/api-interfaces#ner.

The keys that the writer adds for what Prodigy has no key for are described there.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any, cast, get_args

from spacy_bioner.corpora.document import Document, Entity, Offsets, Role, Section
from spacy_bioner.corpora.json_text import is_offset, read_json_lines
from spacy_bioner.corpora.reading_log import FileLog, ReadLog
from spacy_bioner.corpora.span_records import (
    check_order,
    check_repeated_text,
    first_record,
    in_order,
    label_of,
    list_of,
    name_of,
    object_of,
    offsets_of,
    pairs_of,
    skip_each,
    skip_keys,
    span_of,
    string_of,
    text_of,
)
from spacy_bioner.corpora.text_lines import LineError

_ANSWERS = ("accept", "reject", "ignore")
_READ_KEYS = frozenset({"id", "text", "spans", "tokens", "meta", "answer", "relations"})
_SPAN_KEYS = frozenset(
    {"start", "end", "label", "text", "answer", "token_start", "token_end"}
    | {"id", "concept", "note", "role", "fragments"}
)


def read_prodigy(path: Path | str, *, log: ReadLog | None = None) -> Iterator[Document]:
    """Yield the examples of a Prodigy file, UTF-8 with or without byte order mark.

    Each line is an object with "text" and "spans", a list of {"start", "end", "label"}
    in characters. "spans" may be missing where "answer" is "accept": the text has no
    mentions then. "tokens" become the Document's tokens; "token_start" and "token_end"
    (the last token, not the one after) must fit them. The id is "id" in "meta", else
    "id" of the example, else its number, `<stem of the file>-<n>`; the genre is "genre"
    in "meta"; the source is "_annotator_id" or "_session_id", else "source" in "meta".
    Keys that `write_prodigy` adds are read back.

    Examples and spans that were rejected or ignored are counted in the log as skipped;
    so are relations, and keys that are not known, save those that begin with "_"
    (Prodigy's own) and those of tokens, which say how to show them. A text of a span or
    token that differs in white space only is repaired.

    Raises CorpusError with the line for broken JSON, a missing key, a value of a wrong
    type, and offsets that do not lie in the text or contradict each other; also if
    there is no example at all, or none that was accepted.
    """
    path = Path(path)
    file_log = FileLog.open(path, log)
    n = accepted = 0
    for n, (line, record) in enumerate(read_json_lines(path), 1):
        try:
            document = _Example(record, line, f"{path.stem}-{n}", file_log).document()
        except LineError as error:
            raise file_log.error(str(error), line) from None
        if document is not None:
            accepted += 1
            yield document
    if n == 0:
        raise file_log.error("no documents: the file is empty. Check the path.")
    if accepted == 0:
        raise file_log.error(f"no documents: none of {n:,} examples was accepted. Annotate some.")


class _Example:
    """One line, and what is needed to judge it. Its methods raise LineError."""

    def __init__(self, record: dict[str, Any], line: int, name: str, log: FileLog) -> None:
        self.record = record
        self.line = line
        self.log = log
        self.meta = object_of(record.get("meta") or {}, "'meta'")
        own = name_of(record.get("id"), "id")
        self.id = name_of(self.meta.get("id"), "meta.id") or own or name
        self.known = _READ_KEYS if own in ("", self.id) else _READ_KEYS - {"id"}
        self.text = ""

    def document(self) -> Document | None:
        """The example as a Document; None if it was not accepted."""
        if not self._is_accepted(self.record, "examples"):
            return None
        self.text = text_of(self.record, "text")
        tokens = self._tokens()
        return Document(
            text=self.text,
            entities=in_order(self._entities(tokens)),
            id=self.id,
            tokens=tokens,
            **self._more(),
        )

    def _is_accepted(self, record: dict[str, Any], what: str) -> bool:
        answer = record.get("answer")
        if answer not in (None, *_ANSWERS):
            raise LineError(f"an answer must be one of {', '.join(_ANSWERS)}. Correct it.")
        if answer in ("reject", "ignore"):
            self.log.skip(f"{what} answered {answer!r}", f"in document {self.id!r}")
        return answer in (None, "accept")

    def _tokens(self) -> Offsets | None:
        if self.record.get("tokens") is None:
            return None
        tokens = []
        end = 0
        for number, entry in enumerate(list_of(self.record["tokens"], "tokens"), 1):
            what = f"token {number}"
            token = object_of(entry, what)
            span = span_of(token.get("start"), token.get("end"), self.text, what)
            check_order(span, end, what)
            self._check_text(token, span, what)
            tokens.append(span)
            end = span[1]
        return tuple(tokens)

    def _check_text(self, record: dict[str, Any], span: tuple[int, int], what: str) -> None:
        if record.get("text") is not None:
            check_repeated_text(record["text"], self.text, span, what, self.line, self.log)

    def _entities(self, tokens: Offsets | None) -> Iterator[Entity]:
        if self.record.get("spans") is None and self.record.get("answer") is None:
            raise LineError(
                "neither 'spans' nor 'answer': the text is not annotated. Export it with db-out."
            )
        for number, entry in enumerate(list_of(self.record.get("spans"), "spans"), 1):
            what = f"span {number}"
            if not self._is_accepted(object_of(entry, what), "spans"):
                continue
            span = span_of(entry.get("start"), entry.get("end"), self.text, what)
            self._check_text(entry, span, what)
            if tokens is not None:
                _check_tokens(entry, span, tokens, what)
            skip_keys(self.log, "keys of spans", entry, _SPAN_KEYS, self.id)
            yield Entity(
                *span,
                label_of(entry.get("label"), what),
                fragments=_fragments(entry.get("fragments"), span, self.text, what),
                id=name_of(entry.get("id"), f"id of {what}"),
                concept=string_of(entry.get("concept"), f"concept of {what}"),
                note=string_of(entry.get("note"), f"note of {what}"),
                role=_role(entry.get("role"), what),
            )

    def _more(self) -> dict[str, Any]:
        """Genre, source, sections and sentences; all that is not read is counted."""
        values: dict[str, Any] = {}
        keys = {key for key in ("genre", "source") if isinstance(self.meta.get(key), str)}
        values |= {key: string_of(self.meta[key], f"meta.{key}") for key in keys}
        for key in ("_annotator_id", "_session_id"):
            name = name_of(self.record.get(key), key)
            if name:
                keys -= {"source"} if name != values.get("source") else set()
                values["source"] = name
                break
        if _all_are(self.meta.get("sections"), _is_section):
            values["sections"] = tuple(_sections(self.meta["sections"], self.text))
            keys.add("sections")
        if _all_are(self.meta.get("sentences"), lambda value: isinstance(value, list)):
            values["sentences"] = pairs_of(self.meta["sentences"], self.text, "sentence")
            keys.add("sentences")
        skip_keys(self.log, "keys of meta", self.meta, frozenset({"id", *keys}), self.id)
        own = {key: value for key, value in self.record.items() if not key.startswith("_")}
        skip_each(self.log, "relations", self.record.get("relations"), self.id)
        skip_keys(self.log, "keys of examples", own, self.known, self.id)
        return values


def _is_section(value: Any) -> bool:
    return isinstance(value, dict) and {"start", "end"} <= value.keys()


def _all_are(values: Any, is_ours: Callable[[Any], bool]) -> bool:
    """Whether it is a list as `write_prodigy` makes it; meta may hold others of the name."""
    return isinstance(values, list) and all(map(is_ours, values))


def _check_tokens(
    span: dict[str, Any], offsets: tuple[int, int], tokens: Offsets, what: str
) -> None:
    """Raise LineError unless its first and its last token hold the ends of a span."""
    first: Any = span.get("token_start")
    last: Any = span.get("token_end")
    if first is None and last is None:
        return
    known = range(len(tokens))
    if (
        not (is_offset(first) and is_offset(last) and first in known and last in known)
        or not tokens[first][0] <= offsets[0] < tokens[first][1]
        or not tokens[last][0] < offsets[1] <= tokens[last][1]
    ):
        raise LineError(
            f"token_start and token_end of {what} are not the numbers, from 0, of its first "
            f"and its last token, at {offsets[0]}-{offsets[1]}. Correct them."
        )


def _fragments(value: Any, span: tuple[int, int], text: str, what: str) -> Offsets:
    pieces = pairs_of(value, text, "fragment")
    apart = all(end < start for (_, end), (start, _) in pairwise(pieces))
    if pieces and (len(pieces) < 2 or not apart or (pieces[0][0], pieces[-1][1]) != span):
        raise LineError(
            f"the fragments of {what} must be two or more, with text between them, from its "
            "start to its end. Correct them."
        )
    return pieces


def _role(value: Any, what: str) -> Role:
    role = string_of(value, f"role of {what}")
    if role not in get_args(Role):
        raise LineError(f"the role of {what} must be 'composite' or 'part'. Correct it.")
    return cast(Role, role)


def _sections(values: list[Any], text: str) -> Iterator[Section]:
    """Sections in order and apart; one may be empty."""
    previous = 0
    for number, value in enumerate(values, 1):
        what = f"section {number}"
        section = object_of(value, what)
        start, end = offsets_of(section.get("start"), section.get("end"), what)
        if not previous <= start <= end <= len(text):
            raise LineError(
                f"{what}, {start}-{end}, lies outside the text of {len(text)} characters, or "
                "not after the one before it. Correct its offsets."
            )
        yield Section(start, end, string_of(section.get("name"), f"name of {what}"))
        previous = end


_TEXT = re.compile(rb'[{,]\s*"text"\s*:\s*"')
_OWN_KEYS = re.compile(
    rb'[{,]\s*("spans"\s*:\s*\[|"tokens"\s*:\s*\[\s*\{|"_(input|task)_hash"\s*:'
    rb'|"answer"\s*:\s*"(accept|reject|ignore)")'
)


def fits_prodigy(path: Path, head: bytes) -> bool:
    """Whether the first line is an object with a text and one of Prodigy's own keys."""
    record = first_record(head)
    return record.startswith(b"{") and bool(_TEXT.search(record) and _OWN_KEYS.search(record))
