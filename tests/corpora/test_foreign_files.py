"""Files as other programs write them: what ours never hold."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import spacy
from spacy.tokens import Doc, DocBin, Span
from typer.testing import CliRunner

from spacy_bioner.cli import app
from spacy_bioner.corpora.convert import convert
from spacy_bioner.corpora.docbin import SPANS_KEY
from spacy_bioner.corpora.document import Document, Entity
from spacy_bioner.corpora.reading import detect_format, expand_inputs, read_corpus
from spacy_bioner.corpora.reading_log import ReadLog
from spacy_bioner.corpora.writers import WRITERS
from spacy_bioner.corpora.writing_log import WriteLog
from spacy_bioner.errors import ConfigError, CorpusError

NLP = spacy.blank("en")


def written(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def stored(path: Path, *docs: Doc) -> Path:
    DocBin(docs=docs, store_user_data=True).to_disk(path)
    return path


def skipped_of(path: Path) -> dict[str, int]:
    log = ReadLog()
    list(read_corpus(path, log=log))
    return {skipped.what: skipped.count for skipped in log.skipped.values()}


@pytest.fixture
def doc() -> Doc:
    doc = NLP("Aspirin helps. It is cheap.")
    doc.ents = [Span(doc, 0, 1, "CHEM")]
    return doc


def test_annotation_that_a_document_cannot_hold_is_counted(tmp_path: Path, doc: Doc) -> None:
    doc.spans["mine"] = [Span(doc, 0, 2, "CLAIM")]
    doc.cats = {"news": 1.0}
    for token in doc:
        token.pos_ = "X"
    assert skipped_of(stored(tmp_path / "a.spacy", doc)) == {
        "other groups of spans": 1,
        "documents with categories": 1,
        "documents with tags, lemmas or dependencies": 1,
    }


def test_sentences_of_a_doc_are_read(tmp_path: Path, doc: Doc) -> None:
    for token in doc:
        token.is_sent_start = token.i in (0, 3)
    (document,) = read_corpus(stored(tmp_path / "a.spacy", doc))
    assert document.sentences == ((0, 14), (15, 27))


def test_a_span_that_is_an_entity_too_is_one_mention(tmp_path: Path, doc: Doc) -> None:
    inner, twice = Span(doc, 0, 2, "CLAIM"), Span(doc, 0, 1, "CHEM", kb_id="D001241")
    doc.spans[SPANS_KEY] = [Span(doc, 0, 1, "CHEM", kb_id="D001241"), inner, twice]
    (document,) = read_corpus(stored(tmp_path / "a.spacy", doc))
    mention = Entity(0, 7, "CHEM", concept="D001241")
    assert document.entities == (mention, mention, Entity(0, 13, "CLAIM"))


def test_user_data_of_other_forms_is_left_alone(tmp_path: Path, doc: Doc) -> None:
    doc.user_data |= {"id": None, "genre": None, "sections": ["Intro"], "sentences": 3}
    path = stored(tmp_path / "a.spacy", doc)
    (document,) = read_corpus(path)
    assert (document.id, document.genre, document.sections) == ("a-1", "", ())
    assert skipped_of(path) == {
        "sections of another form in user_data": 1,
        "sentences of another form in user_data": 1,
    }


def test_split_deals_out_docs_as_they_are(tmp_path: Path) -> None:
    docs = []
    for number in range(4):
        doc = Doc(NLP.vocab, words=["Metformin500mg", f"No{number}"], spaces=[True, False])
        doc.ents = [Span(doc, 0, 2, "DOSE")]
        doc.spans[SPANS_KEY] = [Span(doc, 0, 2, "DOSE"), Span(doc, 0, 1, "DRUG")]
        docs.append(doc)
    path = stored(tmp_path / "a.spacy", *docs)
    command = ["split", str(path), str(tmp_path / "parts"), "--parts", "train=0.5,dev=0.5"]
    result = CliRunner().invoke(app, command)
    assert result.exit_code == 0, result.output
    assert "4 of 4 mentions kept" in result.output
    parts = [tmp_path / "parts" / name for name in ("train.spacy", "dev.spacy")]
    found = [document for part in parts for document in read_corpus(part)]
    kept = {(d.text, d.tokens, d.entities) for d in found}
    assert kept == {(d.text, d.tokens, d.entities) for d in read_corpus(path)}


BMES = "王\tB-N\n小\tM-N\n明\tE-N\n來\tO\n\n"


@pytest.mark.parametrize("head", [BMES * 300, "來\tX\tO\n\n" * 900], ids=["B M E", "O"])
def test_a_scheme_that_shows_late_is_known(tmp_path: Path, head: str) -> None:
    middle = "X\t" if "X" in head else ""
    lines = [f"{token}\t{middle}{tag}\n" for token, tag in (("小", "B-N"), ("明", "E-N"))]
    path = written(tmp_path / "a.conll", head + "".join([*lines, "\n", f"我\t{middle}S-N\n"]))
    mentions = [entity for document in read_corpus(path) for entity in document.entities]
    assert len(mentions) == head.count("B-N") + 2


@pytest.mark.parametrize("comment", ["# doc 1", "###MEDLINE:95369245"])
def test_columns_with_comments_are_read(tmp_path: Path, comment: str) -> None:
    path = written(tmp_path / "a.txt", f"{comment}\n\nMetformin B-CHEM\nlowers O\nglucose B-CHEM\n")
    assert detect_format(path) == "conll"
    assert [d.text for d in read_corpus(path)] == ["Metformin lowers glucose"]
    assert detect_format(written(tmp_path / "b.txt", "# O\n糖 B-CHEM\n")) == "character_tags"


def test_another_scheme_in_tagged_files_is_named(tmp_path: Path) -> None:
    path = written(tmp_path / "a.txt", "糖 O\n" * 9 + "糖 S-CHEM\n")
    with pytest.raises(CorpusError, match="another tag scheme with --format conll"):
        list(read_corpus(path, "character_tags"))


@pytest.mark.parametrize("name", ["prodigy", "doccano"])
def test_long_first_lines_are_looked_at_whole(tmp_path: Path, name: str) -> None:
    document = Document("word " * 20000, (Entity(0, 4, "N"),), "a")
    WRITERS[name].write([document], tmp_path / "a.jsonl", log=WriteLog())
    assert detect_format(tmp_path / "a.jsonl") == name


def test_metadata_does_not_hide_a_format(tmp_path: Path) -> None:
    record = {"text": "Aspirin", "label": [[0, 7, "C"]], "documents": ["x"]}
    assert detect_format(written(tmp_path / "a.jsonl", json.dumps(record))) == "doccano"


@pytest.mark.parametrize("meta", [{"sections": ["Intro"]}, {"sentences": [3]}])
def test_meta_of_other_forms_is_counted(tmp_path: Path, meta: dict[str, object]) -> None:
    record = {"text": "Aspirin", "spans": [], "meta": meta}
    assert skipped_of(written(tmp_path / "a.jsonl", json.dumps(record))) == {"keys of meta": 1}


def test_a_brat_pair_is_one_input(tmp_path: Path) -> None:
    text, marks = tmp_path / "a.txt", tmp_path / "a.ann"
    written(text, "Aspirin"), written(marks, "T1\tC 0 7\tAspirin\n")
    assert expand_inputs([tmp_path / "*"]) == expand_inputs([marks, text], "brat") == [text]
    assert expand_inputs([marks]) == [marks]
    assert expand_inputs([marks, text], "conll") == [marks, text]


def test_long_lists_of_inputs_are_cut(tmp_path: Path) -> None:
    paths = [written(tmp_path / f"{i}.txt", f"糖 B-L{i % 2}\n") for i in range(60)]
    report = convert(paths, tmp_path / "a.spacy", nlp=spacy.blank("zh"))
    shown = report.render(limit=2).replace(str(tmp_path), "")
    assert "'L0' occurs only in /0.txt, /2.txt and 28 more" in shown
    assert shown.count(".txt") == 4


def test_a_link_to_nothing_in_a_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text("{}", encoding="utf-8")
    (tmp_path / "b.json").symlink_to(tmp_path / "absent.json")
    with pytest.raises(ConfigError, match=r"b\.json: is a link to what is not there"):
        expand_inputs([tmp_path])


def test_folders_in_a_folder_are_told_of(tmp_path: Path) -> None:
    path = written(tmp_path / "a.json", "{}")
    (tmp_path / "more").mkdir()
    with pytest.warns(UserWarning, match=r"folders in it are not read \(more\)"):
        assert expand_inputs([tmp_path]) == [path]


def test_a_name_that_is_not_utf8_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"bad\\udcff\.tsv' is not UTF-8\. Rename the file"):
        expand_inputs([tmp_path / "bad\udcff.tsv"])


def test_parts_of_one_name_are_refused(tmp_path: Path) -> None:
    path = written(tmp_path / "a.tsv", "Aspirin B-C\n\n")
    arguments = ["split", str(path), str(tmp_path / "out"), "--parts", "dev=0.3,dev=0.7"]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 2
    assert "name each part once" in result.output
