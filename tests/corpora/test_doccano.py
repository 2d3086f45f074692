from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spacy_bioner.corpora.document import Document, Entity
from spacy_bioner.corpora.readers.doccano import fits_doccano, read_doccano
from spacy_bioner.corpora.reading import detect_format
from spacy_bioner.corpora.reading_log import ReadLog
from spacy_bioner.corpora.writers.doccano import KEEPS, write_doccano
from spacy_bioner.corpora.writing_log import WriteLog
from spacy_bioner.errors import ConfigError
from tests.corpora.span_documents import (
    SOUND_CASES,
    check_reader,
    check_real_corpus,
    damaged_bytes,
    documents,
    head_of,
    kept,
)

TEXT = "No fever 🙂 today."
RECORDS = [
    {"id": 1, "text": TEXT, "label": [[3, 8, "SYMP"], [0, 8, "SYMP"]], "genre": "SM"},
    {"id": "b", "data": TEXT, "labels": [[11, 16, "TIME"]], "source": "anna", "Comments": ["x"]},
    {
        "text": TEXT,
        "entities": [{"id": 4, "start_offset": 3, "end_offset": 8, "label": "SYMP"}],
        "relations": [{"id": 0, "from_id": 4, "to_id": 4, "type": "is"}],
    },
]


@settings(max_examples=60, deadline=None)
@given(docs=st.lists(documents(), min_size=1, max_size=3))
def test_write_doccano_gives_back_what_the_format_keeps(tmp_path_factory, docs):
    path = tmp_path_factory.mktemp("doccano") / "written.jsonl"
    write_doccano(iter(docs), path)
    log = ReadLog()
    assert list(read_doccano(path, log=log)) == [kept(document, KEEPS) for document in docs]
    assert not log.repairs
    assert not log.skipped


@settings(max_examples=150, deadline=None)
@given(content=st.binary(max_size=60) | damaged_bytes(RECORDS), strict=st.booleans())
def test_read_doccano_gives_documents_or_a_corpus_error(tmp_path_factory, content, strict):
    check_reader(read_doccano, tmp_path_factory.getbasetemp() / "fuzz.jsonl", content, strict)


def test_write_doccano_writes_one_object_a_line(tmp_path):
    path = tmp_path / "a.jsonl"
    entities = (Entity(0, 1, "BODY", note="left"), Entity(0, 2, "SYMP"))
    docs = [Document("頭痛\n", entities, "a", "SM", source="ben"), Document("好")]
    write_doccano(docs, path)
    label = [[0, 1, "BODY"], [0, 2, "SYMP"]]
    assert path.read_bytes().decode() == (
        '{"id": "a", "text": "頭痛\\n", "label": '
        f'{json.dumps(label)}, "genre": "SM", "source": "ben"}}\n'
        '{"text": "好", "label": []}\n'
    )
    assert [document.id for document in read_doccano(path)] == ["a", "a-2"]


def test_write_doccano_counts_losses(tmp_path):
    log = WriteLog()
    entities = (Entity(0, 1, "BODY", id="T1", concept="C1", note="left", role="part"),)
    docs = [Document("頭痛", entities, "a", tokens=((0, 1),)), Document("", id="b")]
    write_doccano(docs, tmp_path / "a.jsonl", log=log)
    assert {loss.what: (loss.count, loss.first) for loss in log.losses.values()} == {
        "token boundaries not kept": (1, "a"),
        "ids of mentions not kept": (1, "a"),
        "concepts of mentions not kept": (1, "a"),
        "notes on mentions not kept": (1, "a"),
        "roles in composite mentions not kept": (1, "a"),
        "documents without text not written": (1, "b"),
    }
    assert len(list(read_doccano(tmp_path / "a.jsonl"))) == 1


@pytest.mark.parametrize(
    ("document", "message"),
    [
        (Document("頭\ud83d", id="a"), "document 'a': half a surrogate pair, U\\+D83D"),
        (Document("頭", (Entity(0, 1, " "),), "a"), "document 'a': mention 1 has no label"),
    ],
)
def test_write_doccano_refuses_what_cannot_be_read_again(tmp_path, document, message):
    with pytest.raises(ConfigError, match=message):
        write_doccano([document], tmp_path / "a.jsonl")


def test_write_doccano_does_not_overwrite(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text("mine", encoding="utf-8")
    with pytest.raises(FileExistsError):
        write_doccano([], path)
    assert path.read_text(encoding="utf-8") == "mine"


def test_fits_doccano_tells_other_formats_apart():
    found = [path for path in SOUND_CASES if fits_doccano(path, head_of(path))]
    assert found == [path for path in SOUND_CASES if path.parent.name == "doccano"]
    assert found


@settings(max_examples=60, deadline=None)
@given(st.binary() | damaged_bytes(RECORDS))
def test_fits_doccano_takes_any_bytes(head):
    assert fits_doccano(Path("a"), head) in (True, False)


@pytest.mark.parametrize("record", RECORDS)
@pytest.mark.parametrize("separators", [(", ", ": "), (",", ":"), (" ,\t", " : ")])
def test_doccano_is_detected_with_any_separators(tmp_path, record, separators):
    path = tmp_path / "a"
    path.write_text(json.dumps(record, separators=separators), encoding="utf-8")
    assert detect_format(path) == "doccano"


def test_doccano_is_not_detected_in_words_of_a_text(tmp_path):
    record = {"text": 'He wrote {"label": [[1, 2, "X"]]} here.', "spans": []}
    path = tmp_path / "a"
    path.write_text(json.dumps(record), encoding="utf-8")
    assert detect_format(path) == "prodigy"


@pytest.mark.realdata
def test_doccano_keeps_real_corpora(shared_data, tmp_path):
    check_real_corpus(shared_data, tmp_path, "doccano", ".jsonl", write_doccano, KEEPS)
