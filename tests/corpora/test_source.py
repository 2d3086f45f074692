from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spacy_bioner.corpora import source
from spacy_bioner.corpora.document import Document, Entity
from spacy_bioner.corpora.source import Earlier, SeenDocuments


@pytest.fixture(autouse=True, scope="module")
def few_recent():
    """Documents are put aside after every 8, so that small tests reach that code."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(source, "_RECENT", 8)
        yield


ids = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 2), st.integers(0, 3)), max_size=200)


@given(ids)
def test_seen_documents_know_what_a_dictionary_knows(keys):
    seen, known = SeenDocuments(), {}
    for key, text, input in keys:
        document = Document(f"text {text}", (Entity(0, 4, "X"),), str(key))
        expected = None
        if key in known:
            expected = Earlier(known[key][1], known[key][0] == text)
        assert seen.add(document, input) == expected
        known.setdefault(key, (text, input))


def test_documents_put_aside_are_few_arrays_of_growing_size():
    seen = SeenDocuments()
    for n in range(1000):
        assert seen.add(Document("a", id=str(n)), 0) is None
    sizes = [len(columns[0]) for columns in seen._older]
    assert sizes == sorted(sizes, reverse=True)
    assert len(sizes) <= 8
    assert seen.add(Document("a", id="3"), 1) == Earlier(0, True)
    assert seen.add(Document("b", id="3"), 1) == Earlier(0, False)
