from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spacy_bioner.corpora.document import Document, Entity
from spacy_bioner.corpora.readers.label_studio import fits_label_studio, read_label_studio
from spacy_bioner.corpora.reading import HEAD_BYTES, detect_format
from spacy_bioner.corpora.reading_log import ReadLog
from spacy_bioner.corpora.writers.label_studio import KEEPS, write_label_studio
from spacy_bioner.corpora.writing_log import WriteLog
from spacy_bioner.errors import ConfigError, CorpusError
from tests.corpora.span_documents import (
    SOUND_CASES,
    check_reader,
    check_real_corpus,
    damaged_bytes,
    documents,
    head_of,
    kept,
)

TEXT = "🙂 No fever today."


def result(start: int, end: int, label: str, **more: object) -> dict[str, object]:
    value = {"start": start, "end": end, "text": TEXT[start:end], "labels": [label]}
    named = {"from_name": "label", "to_name": "text", "type": "labels", "id": f"r{start}"}
    return {**named, "value": value, **more}


TASKS = [
    {
        "id": 1,
        "annotations": [
            {"was_cancelled": True, "result": []},
            {
                "completed_by": {"id": 3, "email": "a@example.org"},
                "result": [
                    result(5, 10, "SYMP", meta={"text": ["sure"]}),
                    result(0, 1, "FACE"),
                    {"type": "relation", "from_id": "r5", "to_id": "r0"},
                ],
            },
            {"result": []},
        ],
        "predictions": [{"result": []}],
        "data": {"text": TEXT, "id": "a", "genre": "SM", "url": "x"},
    },
    {
        "data": {"body": TEXT, "source": "b"},
        "predictions": [{"model_version": "m", "result": [result(11, 16, "TIME", to_name="body")]}],
    },
    {"id": 3, "data": {"text": TEXT}, "annotations": []},
]


@settings(max_examples=60, deadline=None)
@given(docs=st.lists(documents(), min_size=1, max_size=3))
def test_write_label_studio_gives_back_what_the_format_keeps(tmp_path_factory, docs):
    path = tmp_path_factory.mktemp("label_studio") / "written.json"
    write_label_studio(iter(docs), path)
    log = ReadLog()
    assert list(read_label_studio(path, log=log)) == [kept(document, KEEPS) for document in docs]
    assert not log.repairs
    assert not log.skipped


@settings(max_examples=150, deadline=None)
@given(
    content=st.binary(max_size=60) | damaged_bytes(TASKS) | damaged_bytes(TASKS, as_list=True),
    strict=st.booleans(),
)
def test_read_label_studio_gives_documents_or_a_corpus_error(tmp_path_factory, content, strict):
    check_reader(read_label_studio, tmp_path_factory.getbasetemp() / "fuzz.json", content, strict)


@settings(max_examples=60, deadline=None)
@given(documents())
def test_read_label_studio_finds_mentions_by_utf16_offsets(tmp_path_factory, document):
    document = kept(document, KEEPS)
    path = tmp_path_factory.mktemp("label_studio") / "written.json"
    write_label_studio([document], path)
    (task,) = json.loads(path.read_text(encoding="utf-8"))
    for found in task["annotations"][0]["result"]:
        for end in ("start", "end"):
            before = document.text[: found["value"][end]]
            found["value"][end] = len(before.encode("utf-16-le")) // 2
    path.write_text(json.dumps([task]), encoding="utf-8")
    log = ReadLog()
    (again,) = read_label_studio(path, log=log)
    if any("UTF-16" in repair.reason for repair in log.repairs):
        assert again == document
    else:  # all texts stand at these offsets in characters, too
        assert [again.text[e.start : e.end] for e in again.entities] == [
            document.text[e.start : e.end] for e in document.entities
        ]


def test_read_label_studio_repairs_utf16_offsets(tmp_path):
    path = tmp_path / "a.json"
    task = {"data": {"text": TEXT}, "annotations": [{"result": [result(5, 10, "SYMP")]}]}
    task["annotations"][0]["result"][0]["value"] |= {"start": 6, "end": 11}
    path.write_text(json.dumps([task]), encoding="utf-8")
    log = ReadLog()
    (document,) = read_label_studio(path, log=log)
    assert document.entities == (Entity(5, 10, "SYMP", id="r5"),)
    assert [str(repair) for repair in log.repairs] == [
        f"{path}: '6-11' read as '5-10': offsets of document 'a-1' count UTF-16 units"
    ]
    with pytest.raises(CorpusError, match="'6-11': offsets of document 'a-1' count UTF-16 units"):
        list(read_label_studio(path, log=ReadLog(strict=True)))


@pytest.mark.parametrize(
    ("completed_by", "source"),
    [
        (7, "7"),
        ("anna", "anna"),
        ({"id": 7}, "7"),
        ({"id": 7, "email": "a@example.org"}, "a@example.org"),
        ({}, "forum"),
        (None, "forum"),
    ],
)
def test_read_label_studio_names_the_annotator(tmp_path, completed_by, source):
    path = tmp_path / "a.json"
    annotation = {"completed_by": completed_by, "result": []}
    task = {"data": {"text": TEXT, "source": "forum"}, "annotations": [annotation]}
    path.write_text(json.dumps([task]), encoding="utf-8")
    assert [document.source for document in read_label_studio(path)] == [source]


def test_write_label_studio_writes_tasks_to_import(tmp_path):
    path = tmp_path / "a.json"
    entities = (Entity(0, 1, "BODY", id="T1", note="left"), Entity(0, 2, "SYMP"))
    docs = [Document("頭痛", entities, "a", "SM", source="ben"), Document("好")]
    write_label_studio(docs, path)
    content = path.read_bytes().decode()
    assert content.count("\n") == 4
    assert "頭痛" in content
    named = {"from_name": "label", "to_name": "text", "type": "labels"}
    body = {"start": 0, "end": 1, "text": "頭", "labels": ["BODY"]}
    results = [
        {"id": "T1", **named, "value": body, "meta": {"text": ["left"]}},
        {**named, "value": {"start": 0, "end": 2, "text": "頭痛", "labels": ["SYMP"]}},
    ]
    assert json.loads(content) == [
        {
            "data": {"text": "頭痛", "id": "a", "genre": "SM", "source": "ben"},
            "annotations": [{"result": results}],
        },
        {"data": {"text": "好"}, "annotations": [{"result": []}]},
    ]


def test_write_label_studio_writes_a_list_without_tasks(tmp_path):
    write_label_studio([], tmp_path / "a.json")
    assert json.loads((tmp_path / "a.json").read_text(encoding="utf-8")) == []


def test_write_label_studio_counts_losses(tmp_path):
    log = WriteLog()
    entities = (Entity(0, 1, "BODY", id="T1", concept="C1", note="left", role="part"),)
    docs = [Document("", id="b"), Document("頭痛", entities, "a", sentences=())]
    write_label_studio(docs, tmp_path / "a.json", log=log)
    assert {loss.what: (loss.count, loss.first) for loss in log.losses.values()} == {
        "documents without text not written": (1, "b"),
        "sentence boundaries not kept": (1, "a"),
        "concepts of mentions not kept": (1, "a"),
        "roles in composite mentions not kept": (1, "a"),
    }
    assert len(list(read_label_studio(tmp_path / "a.json"))) == 1


def test_write_label_studio_refuses_half_a_surrogate_pair(tmp_path):
    with pytest.raises(ConfigError, match="document 'a': half a surrogate pair"):
        write_label_studio([Document("頭", source="\udc00", id="a")], tmp_path / "a")


def test_fits_label_studio_tells_other_formats_apart():
    found = [path for path in SOUND_CASES if fits_label_studio(path, head_of(path))]
    assert found == [path for path in SOUND_CASES if path.parent.name == "label_studio"]
    assert found


@settings(max_examples=60, deadline=None)
@given(st.binary() | damaged_bytes(TASKS) | damaged_bytes(TASKS, as_list=True))
def test_fits_label_studio_takes_any_bytes(head):
    assert fits_label_studio(Path("a"), head) in (True, False)


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize("long", ["annotations", "text"])
def test_label_studio_is_detected_in_long_tasks(tmp_path, task, indent, long):
    task = json.loads(json.dumps(task))
    if long == "text":
        task["data"] |= {"text": "a" * HEAD_BYTES}
    elif task.get("annotations"):
        task["annotations"] *= 500
    path = tmp_path / "a"
    path.write_text(json.dumps([task], indent=indent), encoding="utf-8")
    assert detect_format(path) == "label_studio"


@pytest.mark.realdata
def test_label_studio_keeps_real_corpora(shared_data, tmp_path):
    check_real_corpus(shared_data, tmp_path, "label_studio", ".json", write_label_studio, KEEPS)


def test_the_ground_truth_is_taken_before_other_annotations(tmp_path):
    tasks = [
        {
            "data": {"text": TEXT},
            "annotations": [
                {"result": []},
                {"ground_truth": True, "result": [result(5, 10, "Sign")]},
            ],
        }
    ]
    (tmp_path / "a.json").write_text(json.dumps(tasks), encoding="utf-8")
    (document,) = read_label_studio(tmp_path / "a.json")
    assert [entity.label for entity in document.entities] == ["Sign"]


@pytest.mark.parametrize(
    ("task", "message"),
    [
        (
            {"annotations": [{"result": [{**result(5, 10, "Sign"), "type": "hypertextlabels"}]}]},
            "all mentions are hypertextlabels, not in plain text",
        ),
        ({"completions": [{"result": []}]}, "task 1: 'completions' are of Label Studio before"),
    ],
)
def test_exports_that_would_lose_all_mentions_are_refused(tmp_path, task, message):
    tasks = [{"data": {"text": TEXT}, **task}]
    (tmp_path / "a.json").write_text(json.dumps(tasks), encoding="utf-8")
    with pytest.raises(CorpusError, match=message):
        list(read_label_studio(tmp_path / "a.json"))
