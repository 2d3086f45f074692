from __future__ import annotations

from pathlib import Path

import pytest
import spacy
from spacy.tokens import DocBin

from spacy_bioner.errors import ConfigError
from spacy_bioner.evaluation.prediction import read_docs, read_examples


def test_files_that_are_none_or_damaged_or_empty_are_refused(tmp_path: Path) -> None:
    nlp, path = spacy.blank("zh"), tmp_path / "gold.spacy"
    DocBin(docs=[nlp.make_doc("頭痛")]).to_disk(path)
    assert [example.text for example in read_examples(nlp, path)] == ["頭痛"]
    assert [doc.text for doc in read_docs(path)] == ["頭痛"]
    whole = path.read_bytes()
    DocBin().to_disk(path)
    empty = path.read_bytes()
    for content, message in (
        (whole[: len(whole) // 2], "not a .spacy file, or a damaged one"),
        (b"", "not a .spacy file, or a damaged one"),
        (b"no such thing", "not a .spacy file, or a damaged one"),
        (empty, "holds no documents"),
    ):
        path.write_bytes(content)
        with pytest.raises(ConfigError, match=message):
            read_examples(nlp, path)
        with pytest.raises(ConfigError, match=message):
            read_docs(path)
    with pytest.raises(ConfigError, match="no such file"):
        read_examples(nlp, tmp_path / "absent.spacy")


def test_documents_without_tokens_are_left_out(tmp_path: Path) -> None:
    nlp = spacy.blank("zh")
    DocBin(docs=[nlp(""), nlp("頭痛")]).to_disk(tmp_path / "a.spacy")
    assert [doc.text for doc in read_docs(tmp_path / "a.spacy")] == ["頭痛"]
    assert len(read_examples(nlp, tmp_path / "a.spacy")) == 1
