from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spacy_bioner.corpora.document import Document, Entity, Section
from spacy_bioner.corpora.readers.prodigy import fits_prodigy, read_prodigy
from spacy_bioner.corpora.reading import HEAD_BYTES, detect_format
from spacy_bioner.corpora.reading_log import ReadLog
from spacy_bioner.corpora.writers.prodigy import KEEPS, write_prodigy
from spacy_bioner.corpora.writing_log import WriteLog
from spacy_bioner.errors import ConfigError, CorpusError
from tests.corpora.span_documents import (
    SOUND_CASES,
    check_reader,
    check_real_corpus,
    damaged_bytes,
    documents,
    head_of,
)

DATA = Path(__file__).parents[1] / "data"

FULL = Document(
    "Nose and ear ache.",
    (
        Entity(0, 17, "SYMP", ((0, 4), (13, 17)), "T1", "C1", "left", "part"),
        Entity(0, 17, "SYMP", role="composite"),
        Entity(9, 11, "BODY"),
    ),
    "a",
    "SM",
    tokens=((0, 4), (5, 8), (9, 12), (13, 17), (17, 18)),
    source="anna",
    sections=(Section(0, 18, "title"), Section(18, 18, "abstract")),
    sentences=((0, 18),),
)
RECORDS = [
    {
        "text": FULL.text,
        "spans": [
            {"start": 0, "end": 17, "label": "SYMP", "token_start": 0, "token_end": 3},
            {"start": 0, "end": 17, "label": "SYMP", "fragments": [[0, 4], [13, 17]], "id": 3},
            {"start": 9, "end": 12, "label": "BODY", "text": "ear", "answer": "accept"},
        ],
        "tokens": [{"text": FULL.text[a:b], "start": a, "end": b} for a, b in FULL.tokens],
        "meta": {"id": 1, "genre": "SM", "source": "x", "sentences": [[0, 18]], "page": 3},
        "relations": [{"head": 0}],
        "answer": "accept",
        "_session_id": "s",
    },
    {"text": "好痛🙂。", "spans": [{"start": 1, "end": 2, "label": "SYMP", "role": "part"}]},
    {"text": "好", "spans": [], "answer": "reject", "_input_hash": 3},
]


@settings(max_examples=60, deadline=None)
@given(docs=st.lists(documents(), min_size=1, max_size=3))
def test_write_prodigy_gives_back_all_that_was_written(tmp_path_factory, docs):
    path = tmp_path_factory.mktemp("prodigy") / "written.jsonl"
    log, losses = ReadLog(), WriteLog()
    write_prodigy(iter(docs), path, log=losses)
    assert list(read_prodigy(path, log=log)) == docs
    assert not log.repairs
    assert not log.skipped
    assert not losses.losses


@settings(max_examples=150, deadline=None)
@given(content=st.binary(max_size=60) | damaged_bytes(RECORDS), strict=st.booleans())
def test_read_prodigy_gives_documents_or_a_corpus_error(tmp_path_factory, content, strict):
    check_reader(read_prodigy, tmp_path_factory.getbasetemp() / "fuzz.jsonl", content, strict)


def test_read_prodigy_refuses_another_white_space_when_strict():
    with pytest.raises(CorpusError, match=r"white_space\.jsonl:1: 'pain in the': the text of"):
        list(read_prodigy(DATA / "prodigy" / "white_space.jsonl", log=ReadLog(strict=True)))


def test_write_prodigy_writes_every_key(tmp_path):
    path = tmp_path / "a.jsonl"
    write_prodigy([FULL], path)
    content = path.read_text(encoding="utf-8")
    assert content.endswith("}\n")
    example = json.loads(content)
    whole = {"start": 0, "end": 17, "label": "SYMP", "token_start": 0, "token_end": 3}
    more = {"fragments": [[0, 4], [13, 17]], "id": "T1", "concept": "C1", "note": "left"}
    assert example["spans"] == [
        {**whole, **more, "role": "part"},
        {**whole, "role": "composite"},
        {"start": 9, "end": 11, "label": "BODY"},
    ]
    words = [(token["text"], token["id"], token["ws"]) for token in example["tokens"]]
    assert words[2:] == [("ear", 2, True), ("ache", 3, False), (".", 4, False)]
    assert example["meta"] == {
        "id": "a",
        "genre": "SM",
        "source": "anna",
        "sections": [
            {"start": 0, "end": 18, "name": "title"},
            {"start": 18, "end": 18, "name": "abstract"},
        ],
        "sentences": [[0, 18]],
    }
    assert list(read_prodigy(path)) == [FULL]


def test_write_prodigy_writes_no_keys_without_values(tmp_path):
    path = tmp_path / "a.jsonl"
    write_prodigy([Document("頭痛")], path)
    assert path.read_bytes().decode() == '{"text": "頭痛", "spans": []}\n'


@settings(max_examples=60, deadline=None)
@given(documents())
def test_write_prodigy_numbers_the_tokens_of_a_mention(tmp_path_factory, document):
    path = tmp_path_factory.mktemp("prodigy") / "written.jsonl"
    write_prodigy([document], path)
    example = json.loads(path.read_text(encoding="utf-8"))
    starts, ends = zip(*document.tokens or [(None, None)], strict=True)
    for span in example["spans"]:
        fits = span["start"] in starts and span["end"] in ends
        assert ("token_start" in span) == ("token_end" in span) == fits
        if fits:
            assert example["tokens"][span["token_start"]]["start"] == span["start"]
            assert example["tokens"][span["token_end"]]["end"] == span["end"]


def test_write_prodigy_counts_documents_without_text(tmp_path):
    log = WriteLog()
    write_prodigy([Document("", id="a"), Document("頭")], tmp_path / "a.jsonl", log=log)
    assert [str(loss) for loss in log.losses.values()] == [
        "1 documents without text not written (the first in document 'a')"
    ]


def test_write_prodigy_refuses_half_a_surrogate_pair(tmp_path):
    with pytest.raises(ConfigError, match="document 'a': half a surrogate pair"):
        write_prodigy([Document("頭", (Entity(0, 1, "X", note="\udc00"),), "a")], tmp_path / "a")


def test_fits_prodigy_tells_other_formats_apart():
    found = [path for path in SOUND_CASES if fits_prodigy(path, head_of(path))]
    assert found == [path for path in SOUND_CASES if path.parent.name == "prodigy"]
    assert found


@settings(max_examples=60, deadline=None)
@given(st.binary() | damaged_bytes(RECORDS))
def test_fits_prodigy_takes_any_bytes(head):
    assert fits_prodigy(Path("a"), head) in (True, False)


@pytest.mark.parametrize("record", RECORDS)
@pytest.mark.parametrize("separators", [(", ", ": "), (",", ":"), (" ,\t", " : ")])
def test_prodigy_is_detected_with_any_separators(tmp_path, record, separators):
    path = tmp_path / "a"
    path.write_text(json.dumps(record, separators=separators), encoding="utf-8")
    assert detect_format(path) == "prodigy"


def test_prodigy_is_detected_where_spans_come_late(tmp_path):
    tokens = tuple((i, i + 1) for i in range(5000))
    path = tmp_path / "a"
    write_prodigy([Document("a" * 5000, tokens=tokens)], path)
    record = json.loads(path.read_text(encoding="utf-8"))
    late = {key: record[key] for key in ("text", "tokens", "spans")}
    path.write_text(json.dumps(late), encoding="utf-8")
    assert path.read_bytes().index(b'"spans"') > HEAD_BYTES
    assert detect_format(path) == "prodigy"


@pytest.mark.realdata
def test_prodigy_keeps_real_corpora(shared_data, tmp_path):
    check_real_corpus(shared_data, tmp_path, "prodigy", ".jsonl", write_prodigy, KEEPS)
