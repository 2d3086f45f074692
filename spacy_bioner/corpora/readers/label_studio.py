"""Label Studio's JSON export: https://labelstud.io/guide/export.html.

The format of a task: https://labelstud.io/guide/task_format.html; of a mention:
https://labelstud.io/tags/labels.html.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from spacy_bioner.corpora.document import Document, Entity
from spacy_bioner.corpora.json_text import check_surrogates, read_json_items, read_json_lines
from spacy_bioner.corpora.reading_log import FileLog, ReadLog
from spacy_bioner.corpora.span_records import (
    characters_by_utf16,
    check_repeated_text,
    first_record,
    in_order,
    label_of,
    list_of,
    name_of,
    object_of,
    offsets_of,
    same_but_blanks,
    skip_each,
    skip_keys,
    span_of,
    string_of,
    text_of,
)
from spacy_bioner.corpora.text_lines import LineError, open_corpus

Span = tuple[int, int]
Same = Callable[[str, str], bool]

_HEAD_BYTES = 1 << 16
_NOT_TEXT = ("hypertextlabels", "paragraphlabels")  # mentions in HTML, in dialogues


def read_label_studio(path: Path | str, *, log: ReadLog | None = None) -> Iterator[Document]:
    """Yield the tasks of a file that is one list of them, or holds one a line, in UTF-8.

    Annotation: of those not cancelled the ground truth, else the first; without any, the
    first prediction. Its results of the type "labels" are the mentions, one for each label;
    what is written on them ("meta") is their note.
    Text: the string in "data" that "to_name" of the first mention names, else "text",
    else the only string there beside "id", "genre" and "source", which are read too.
    Id: "id" in "data", else that of the task, else `<stem of the file>-<number>`.
    Source: who completed the annotation, or the prediction's "model_version"; else
    "source" in "data".

    Offsets count characters. Older versions of Label Studio counted UTF-16 units
    (https://github.com/HumanSignal/label-studio/issues/1347): if the texts given with
    the mentions of a task stand at their offsets in these units only, all its offsets
    are read so, and each that changes is noted as a repair; as is a text that differs in
    white space only.

    Counted in the log as skipped: further and cancelled annotations, predictions beside
    annotations, tasks without either, results of other types (relations, choices),
    mentions in another text than that of the first, and other keys of "data".

    Raises CorpusError for broken JSON, a missing key, a value of a wrong type, and
    offsets outside the text or at odds with it; also if no task is annotated, or if all
    mentions are in HTML or paragraphs, whose offsets do not count characters of a text.
    """
    path = Path(path)
    file_log = FileLog.open(path, log)
    n = annotated = mentions = 0
    for n, (line, task) in enumerate(_tasks(file_log), 1):
        try:
            document = _document(task, f"{path.stem}-{n}", line, file_log)
        except LineError as error:
            raise file_log.error(f"task {n:,}: {error}", line) from None
        if document is not None:
            annotated += 1
            mentions += len(document.entities)
            yield document
    if not mentions:
        _check_tasks(n, annotated, file_log)


def _check_tasks(tasks: int, annotated: int, log: FileLog) -> None:
    """Raise CorpusError unless the tasks of a file without mentions are annotated."""
    if tasks == 0:
        raise log.error("no documents: there is no task. Check the path.")
    if annotated == 0:
        raise log.error(f"no documents: none of {tasks:,} tasks is annotated. Annotate some.")
    for kind in _NOT_TEXT:
        if (log.path, f"results of the type {kind}") in log.log.skipped:
            raise log.error(f"all mentions are {kind}, not in plain text. Annotate <Text>.")


def _tasks(log: FileLog) -> Iterator[tuple[int | None, Any]]:
    """Each task, and the line that it is on where the file has one a line."""
    with open_corpus(log.path) as file:
        start = first_record(file.read(_HEAD_BYTES))
    if not start.startswith(b"["):
        yield from read_json_lines(log.path)
        return
    check_surrogates(log.path)
    for task in read_json_items(log.path, "item"):
        yield None, task


class _Annotation(NamedTuple):
    results: list[Any]
    source: str


class _Mention(NamedTuple):
    """What one result says. given: the text that it gives for its span, or None."""

    span: Span
    given: Any
    labels: list[Any]
    id: str
    note: str

    def stands_at(self, span: Span, text: str, same: Same) -> bool:
        start, end = span
        return 0 <= start < end <= len(text) and (
            self.given is None
            or (isinstance(self.given, str) and same(self.given, text[start:end]))
        )


def _document(task: Any, name: str, line: int | None, log: FileLog) -> Document | None:
    data = object_of(task, "a task").get("data")
    if not isinstance(data, dict):
        raise LineError("there is no object 'data'. Export as JSON, not as JSON-MIN.")
    id = name_of(data.get("id"), "data.id") or name_of(task.get("id"), "id") or name
    annotation = _annotation(task, id, log)
    if annotation is None:
        return None
    results, to_name = _label_results(annotation.results, id, log)
    key = _text_key(data, to_name)
    text = text_of(data, key)
    named = {name for name in ("genre", "source") if isinstance(data.get(name), str)} - {key}
    own_source = string_of(data["source"], "data.source") if "source" in named else ""
    if annotation.source not in ("", own_source):
        named -= {"source"}
    skip_keys(log, "keys of data", data, frozenset({"id", key, *named}), id)
    mentions = [_mention(result, number) for number, result in enumerate(results, 1)]
    return Document(
        text=text,
        entities=in_order(_entities(mentions, text, id, line, log)),
        id=id,
        genre=string_of(data["genre"], "data.genre") if "genre" in named else "",
        source=annotation.source or own_source,
    )


def _annotation(task: dict[str, Any], id: str, log: FileLog) -> _Annotation | None:
    """The annotation that is taken; None, counted as skipped, where there is none."""
    annotations = [
        object_of(value, "an annotation")
        for value in list_of(task.get("annotations"), "annotations")
    ]
    predictions = list_of(task.get("predictions"), "predictions")
    if "completions" in task and not annotations:
        raise LineError("'completions' are of Label Studio before 1.0. Export with a later one.")
    sound = [value for value in annotations if not value.get("was_cancelled")]
    sound.sort(key=lambda value: not value.get("ground_truth"))
    skip_each(log, "cancelled annotations", [None] * (len(annotations) - len(sound)), id)
    skip_each(log, "further annotations of a task", sound[1:], id)
    skip_each(log, "predictions", predictions[0 if annotations else 1 :], id)
    skip_each(log, "drafts", task.get("drafts"), id)
    if sound:
        return _Annotation(_results(sound[0]), _annotator(sound[0].get("completed_by")))
    if annotations or not predictions:
        log.skip("tasks without annotation", f"document {id!r}")
        return None
    prediction = object_of(predictions[0], "a prediction")
    version = name_of(prediction.get("model_version"), "model_version")
    return _Annotation(_results(prediction), version)


def _results(annotation: dict[str, Any]) -> list[Any]:
    if annotation.get("result") is None:
        raise LineError("an annotation has no list 'result'. Export the tasks again.")
    return list_of(annotation["result"], "result")


def _annotator(completed_by: Any) -> str:
    if isinstance(completed_by, dict):
        found = (name_of(completed_by.get(key), f"completed_by.{key}") for key in ("email", "id"))
        return next(filter(None, found), "")
    return name_of(completed_by, "completed_by")


def _label_results(values: list[Any], id: str, log: FileLog) -> tuple[list[dict[str, Any]], str]:
    """The results that are mentions in one text, and the name of the tag of that text."""
    results: list[dict[str, Any]] = []
    first = ""
    for value in values:
        result = object_of(value, "a result")
        type = string_of(result.get("type"), "type of a result")
        if not type:
            raise LineError("a result has no 'type'. Give it one, 'labels' for a mention.")
        if type != "labels":
            what = "relations" if type == "relation" else "results other than labels"
            what = f"results of the type {type}" if type in _NOT_TEXT else what
            log.skip(what, f"{type!r} in document {id!r}")
            continue
        to_name = string_of(result.get("to_name"), "to_name")
        first = first or to_name
        if to_name in ("", first):
            results.append(result)
        else:
            log.skip("mentions in another text", f"{to_name!r} of document {id!r}")
    return results, first


def _text_key(data: dict[str, Any], to_name: str) -> str:
    for key in filter(None, (to_name, "text")):
        if isinstance(data.get(key), str):
            return key
    strings = [key for key, value in data.items() if isinstance(value, str)]
    others = [key for key in strings if key not in ("id", "genre", "source")]
    if len(others) != 1:
        raise LineError(
            f"there are {len(others)} strings in 'data', none named 'text' or as in to_name: "
            "which is the text is not known. Name it 'text'."
        )
    return others[0]


def _mention(result: dict[str, Any], number: int) -> _Mention:
    what = f"mention {number}"
    value = object_of(result.get("value"), f"value of {what}")
    meta = object_of(result.get("meta") or {}, f"meta of {what}")
    notes = meta.get("text")
    lines = notes if isinstance(notes, list) else [notes]
    return _Mention(
        offsets_of(value.get("start"), value.get("end"), what),
        value.get("text"),
        list_of(value.get("labels"), f"labels of {what}"),
        name_of(result.get("id"), f"id of {what}"),
        "\n".join(filter(None, (string_of(line, f"meta.text of {what}") for line in lines))),
    )


def _entities(
    mentions: Sequence[_Mention], text: str, id: str, line: int | None, log: FileLog
) -> Iterator[Entity]:
    spans = _spans(mentions, text, id, line, log)
    for number, (mention, span) in enumerate(zip(mentions, spans, strict=True), 1):
        what = f"mention {number}"
        span_of(*span, text, what)
        if mention.given is not None:
            check_repeated_text(mention.given, text, span, f"{what} of {id!r}", line, log)
        for label in mention.labels or [None]:
            yield Entity(*span, label_of(label, what), id=mention.id, note=mention.note)


def _spans(
    mentions: Sequence[_Mention], text: str, id: str, line: int | None, log: FileLog
) -> list[Span]:
    """The offsets of all mentions, in characters, unless only UTF-16 units fit."""
    spans = [mention.span for mention in mentions]
    if _all_stand(mentions, spans, text, operator.eq):
        return spans
    characters = characters_by_utf16(text)
    moved = [(characters.get(start, -1), characters.get(end, -1)) for start, end in spans]
    tried = ((moved, operator.eq), (spans, same_but_blanks), (moved, same_but_blanks))
    fitting = (found for found, same in tried if _all_stand(mentions, found, text, same))
    result = next(fitting, spans)
    for old, new in zip(spans, result, strict=True):
        if old != new:
            found, read_as = (f"{start}-{end}" for start, end in (old, new))
            log.repair(line, found, read_as, f"offsets of document {id!r} count UTF-16 units")
    return result


def _all_stand(mentions: Sequence[_Mention], spans: Sequence[Span], text: str, same: Same) -> bool:
    pairs = zip(mentions, spans, strict=True)
    return all(mention.stands_at(span, text, same) for mention, span in pairs)


_TASK = re.compile(rb"(\[\s*)?\{")
_DATA_FIRST = re.compile(rb'(\[\s*)?\{\s*("id"\s*:\s*("[^"\\]*"|\d+)\s*,\s*)?"data"\s*:\s*\{')
_ANNOTATED = re.compile(rb'[{,]\s*"(annotations|predictions)"\s*:\s*\[')
_OWN_KEYS = re.compile(rb'[{,]\s*("data"\s*:\s*\{|"result"\s*:\s*\[)')


def fits_label_studio(path: Path, head: bytes) -> bool:
    """Whether the file begins with a task, which has "data", and annotations or results.

    A task may be longer than the first bytes: "data" at its very beginning is enough.
    """
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if not _TASK.match(start):
        return False
    annotated = _ANNOTATED.search(start) and _OWN_KEYS.search(start)
    return bool(_DATA_FIRST.match(start) or annotated)
