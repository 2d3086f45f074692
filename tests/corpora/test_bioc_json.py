from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from bioc import biocjson
from hypothesis import given, settings
from hypothesis import strategies as st

from spacy_bioner.corpora.document import Document, Entity
from spacy_bioner.corpora.readers.bioc_json import fits_bioc_json, read_bioc_json
from spacy_bioner.corpora.writers.bioc_json import write_bioc_json
from spacy_bioner.corpora.writing_log import WriteLog
from spacy_bioner.errors import CorpusError
from tests.corpora.bioc_documents import check_reading

DATA = Path(__file__).parents[1] / "data" / "bioc_json"
VALID = json.loads((DATA / "sentences.json").read_text("utf-8"))


def collection(text: str, **document: Any) -> dict[str, Any]:
    passage = {"offset": 0, "text": text}
    return {
        "source": "",
        "infons": {},
        "documents": [{"id": "1", "passages": [passage]} | document],
    }


def read_value(path: Path, value: Any) -> list[Document]:
    path.write_text(json.dumps(value), encoding="utf-8")
    return list(read_bioc_json(path))


def test_file_is_json_with_a_document_a_line(tmp_path):
    path, log = tmp_path / "a.json", WriteLog()
    documents = [Document("a\0b\x1f\ufffe\u2028頭𝛽", (Entity(0, 2, "\x01"),), "1"), Document("b")]
    write_bioc_json(documents, path, log=log)
    assert list(read_bioc_json(path)) == documents
    assert not log.losses
    value = json.loads(path.read_text("utf-8"))
    assert [d["id"] for d in value["documents"]] == ["1", ""]
    assert path.read_bytes().count(b"\n") == 4
    assert "頭𝛽" in path.read_text("utf-8")


def test_another_library_reads_the_plain_case():
    with (DATA / "plain.json").open(encoding="utf-8") as file:
        theirs = biocjson.load(file).documents
    mine = list(read_bioc_json(DATA / "plain.json"))
    assert [d.id for d in mine] == [d.id for d in theirs]
    found = [a for p in theirs[0].passages for a in p.annotations] + theirs[0].annotations
    texts = {a.id: a.text for a in found}
    for entity in mine[0].entities:
        pieces = entity.fragments or ((entity.start, entity.end),)
        assert " ".join(mine[0].text[a:b] for a, b in pieces) == texts.pop(entity.id)
    assert not texts


@pytest.mark.parametrize(
    "value", [[], {}, [1], {"documents": []}, {"documents": {}}, "documents", [collection("a")]]
)
def test_other_layouts_are_refused(tmp_path, value):
    with pytest.raises(CorpusError, match="no documents: the file must be one object"):
        read_value(tmp_path / "a.json", value)


@pytest.mark.parametrize("key", ["relations", "passages", "infons", "id", "comment"])
def test_deep_nesting_is_refused(tmp_path, key):
    path = tmp_path / "a.json"
    text = json.dumps(collection("fever", **{key: "@"}))
    path.write_text(text.replace('"@"', "[" * 5000 + "]" * 5000), encoding="utf-8")
    assert check_reading("bioc_json", path, strict=False) == 0


@given(
    st.lists(st.sampled_from(["\ud83d", "\udc1e", "\\", "u", "d83d", "🐞", "a"]), max_size=6),
    st.booleans(),
)
def test_half_a_surrogate_pair_is_never_changed(tmp_path_factory, parts, upper):
    text = f"fever {''.join(parts)}"
    written = json.dumps(collection(text))
    path = tmp_path_factory.getbasetemp() / "pairs.json"
    path.write_text(written.replace("\\ud", "\\uD") if upper else written, encoding="utf-8")
    meant = json.loads(path.read_text("utf-8"))["documents"][0]["passages"][0]["text"]
    try:
        meant.encode()
    except UnicodeEncodeError:
        with pytest.raises(CorpusError, match=r"half a surrogate pair|can't decode byte 0xed"):
            list(read_bioc_json(path))
    else:
        assert [d.text for d in read_bioc_json(path)] == [meant]


@pytest.mark.parametrize(
    ("head", "fits"),
    [
        (b'{"source": "", "documents": [', True),
        (b'\xef\xbb\xbf\n {"documents" :\n[]}', True),
        (b'[{"documents": [{"id": 1}]}]', True),
        (b'{"id": "1", "infons": {}, "passages": [{', True),
        (b'{"sentence": "the \\"documents\\": [1]"}', False),
        (b'{"text": "documents"}', False),
        (b'{"documents": 3}', False),
        (b'<collection>"documents": []', False),
    ],
)
def test_fits_looks_for_the_lists_of_bioc(head, fits):
    assert fits_bioc_json(Path("a"), head) is fits


KEYS = ["id", "infons", "passages", "sentences", "annotations", "relations", "locations"]
KEYS += ["offset", "length", "text", "type", "note", "identifier", "MESH", "documents", "source"]
leaves = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-1, 12) | st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=4),
    st.sampled_from(["Sign", "cough", "CompositeMention", "\ud83d", " "]),
)
values = st.recursive(
    leaves,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner),
    max_leaves=8,
)


def places(value: Any) -> list[tuple[Any, Any]]:
    """All (container, key) within a value."""
    items = value.items() if isinstance(value, dict) else enumerate(value)
    found = []
    for key, inner in list(items):
        found.append((value, key))
        if isinstance(inner, dict | list):
            found += places(inner)
    return found


@st.composite
def changed(draw):
    """A valid collection with some values replaced, left out or given twice."""
    value = copy.deepcopy(VALID)
    for _ in range(draw(st.integers(1, 3))):
        container, key = draw(st.sampled_from(places(value)))
        change = draw(st.sampled_from(["replace", "remove", "repeat", "offset"]))
        if change == "remove":
            del container[key]
        elif change == "repeat" and isinstance(container, list):
            container.append(copy.deepcopy(container[key]))
        else:
            container[key] = draw(st.integers(0, 60) if change == "offset" else values)
    return value


files = st.one_of(
    st.binary(max_size=60),
    values.map(lambda value: json.dumps(value).encode()),
    values.map(lambda value: json.dumps({"documents": [value, value]}).encode()),
    changed().map(lambda value: json.dumps(value).encode()),
    changed().map(lambda value: json.dumps(value, ensure_ascii=False).encode("utf-8", "replace")),
    st.tuples(changed(), st.integers(1, 3000)).map(lambda t: json.dumps(t[0])[: t[1]].encode()),
)


@settings(max_examples=400)
@given(data=files, strict=st.booleans())
def test_reader_gives_documents_or_a_corpus_error(tmp_path_factory, data, strict):
    path = tmp_path_factory.getbasetemp() / "fuzz.json"
    path.write_bytes(data)
    check_reading("bioc_json", path, strict)
