from __future__ import annotations

from pathlib import Path

import pytest
import spacy
from spacy.pipeline.functions import merge_entities
from spacy.tokens import DocBin, Span

from spacy_bioner.errors import ConfigError
from spacy_bioner.evaluation.cases import make_cases
from spacy_bioner.evaluation.prediction import read_docs, read_examples, write_docs
from spacy_bioner.pipeline.confidences import keep_scores


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


def test_a_folder_is_read_as_the_files_in_it(tmp_path: Path) -> None:
    nlp = spacy.blank("zh")
    for name in ("b", "a"):
        DocBin(docs=[nlp.make_doc(name)]).to_disk(tmp_path / f"{name}.spacy")
    assert [doc.text for doc in read_docs(tmp_path)] == ["a", "b"]
    assert [example.text for example in read_examples(nlp, tmp_path)] == ["a", "b"]


def test_a_document_too_long_for_the_pipeline_is_named(tmp_path: Path) -> None:
    nlp = spacy.blank("en")
    doc = nlp("much too long")
    doc.user_data["id"] = "case-7"
    DocBin(docs=[doc], store_user_data=True).to_disk(tmp_path / "a.spacy")
    nlp.max_length = 5
    with pytest.raises(ConfigError, match=r"document 'case-7' has 13 characters, and .* takes 5"):
        read_examples(nlp, tmp_path / "a.spacy")


@pytest.mark.parametrize("sections", [["Title", "Abstract", "Body"], [["a", 1]], 3, "abc"])
def test_sections_of_another_form_are_passed_over(sections: object) -> None:
    doc = spacy.blank("en")("fever")
    doc.ents = [Span(doc, 0, 1, "SYMP")]
    doc.user_data["sections"] = sections
    (case,) = make_cases([doc], [doc])
    assert case.sections == ()


def test_confidences_stay_with_entities_whose_tokens_were_merged(tmp_path: Path) -> None:
    gold = spacy.blank("zh")("糖尿病人用藥")
    found = gold.copy()
    found.ents = [Span(found, 0, 3, "DISE"), Span(found, 5, 6, "DRUG")]
    keep_scores(found, "bioner", found.ents, [0.9, 0.1])
    write_docs([merge_entities(found)], tmp_path / "a.spacy")
    gold.ents = [Span(gold, 0, 3, "DISE")]
    (case,) = make_cases([gold], read_docs(tmp_path / "a.spacy"))
    assert [(m.start, m.end) for m in case.found] == [(0, 3), (5, 6)]
    assert case.confidences == (0.9, 0.1)


def test_documents_without_tokens_are_left_out(tmp_path: Path) -> None:
    nlp = spacy.blank("zh")
    DocBin(docs=[nlp(""), nlp("頭痛")]).to_disk(tmp_path / "a.spacy")
    assert [doc.text for doc in read_docs(tmp_path / "a.spacy")] == ["頭痛"]
    assert len(read_examples(nlp, tmp_path / "a.spacy")) == 1
