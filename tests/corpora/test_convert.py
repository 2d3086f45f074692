from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from spacy.tokens import DocBin

import spacy_bioner.corpora.convert as convert_module
from spacy_bioner.corpora import sinks
from spacy_bioner.corpora.convert import convert
from spacy_bioner.corpora.docbin import Placement, documents_to_docbin
from spacy_bioner.corpora.document import Document, Entity
from spacy_bioner.corpora.reading import read_corpus
from spacy_bioner.corpora.sentences import find_sentences
from spacy_bioner.errors import ConfigError, CorpusError, OutputExistsError

DATA = Path(__file__).parents[1] / "data"
PLAIN = DATA / "character_tags" / "plain_lf.txt"
SLIPS = DATA / "character_tags" / "slips.txt"
HEALTHNER = DATA / "healthner" / "plain.json"
HALVES = {"train": 0.5, "dev": 0.5}


def names(folder):
    return sorted(path.name for path in folder.rglob("*"))


def test_inputs_of_several_formats_are_joined(tmp_path, zh):
    out = tmp_path / "deep" / "all.spacy"
    report = convert([PLAIN, HEALTHNER], out, nlp=zh)
    assert [d.id for d in read_corpus(out)] == ["plain_lf-1", "plain_lf-2", "00000", "00001"]
    assert report.documents == 4
    assert report.render() == f"{out}: 4 documents, 6 of 6 mentions kept"


def test_split_writes_a_file_for_each_part(tmp_path, zh):
    report = convert([PLAIN, SLIPS], tmp_path / "out", nlp=zh, split=HALVES)
    assert names(tmp_path) == ["dev.spacy", "out", "train.spacy"]
    assert [r.documents for r in report.parts.values()] == [2, 2]
    read = {d.id for path in report.parts for d in read_corpus(path)}
    assert read == {"plain_lf-1", "plain_lf-2", "slips-1", "slips-2"}


def test_report_lists_repairs_and_uneven_labels(tmp_path, zh):
    full = tmp_path / "report.txt"
    report = convert([PLAIN, SLIPS], tmp_path / "a.spacy", nlp=zh, report_path=full)
    assert report.render(limit=1) == (
        f"{tmp_path / 'a.spacy'}: 4 documents, 8 of 8 mentions kept\n"
        "6 slips were repaired\n"
        f"  {SLIPS}:1: 'i-BODY' read as 'B-BODY': prefix in lower case, continues no entity of "
        "its type (token 1)\n"
        "  ... and 5 more\n"
        "labels that not all inputs have:\n"
        f"  'BODY' occurs only in {SLIPS}\n"
        "  ... and 2 more"
    )
    assert full.read_text(encoding="utf-8") == f"{report.render(limit=None)}\n"
    assert len(report.repairs) == 6


def test_strict_conversion_refuses_slips_and_leaves_nothing(tmp_path, zh):
    with pytest.raises(CorpusError, match=r"slips\.txt:1: 'i-BODY'"):
        convert([PLAIN, SLIPS], tmp_path / "out", nlp=zh, split=HALVES, strict=True)
    assert names(tmp_path) == []


@pytest.mark.parametrize("existing", ["out/dev.spacy", "report.txt"])
def test_existing_output_stops_before_any_work(tmp_path, zh, existing):
    path = tmp_path / existing
    path.parent.mkdir(exist_ok=True)
    path.write_text("mine")
    settings = {"nlp": zh, "split": HALVES, "report_path": tmp_path / "report.txt"}
    with pytest.raises(OutputExistsError) as caught:
        convert(["missing.txt"], tmp_path / "out", **settings)
    assert str(caught.value) == f"{path}: already exists. Give --force to overwrite it."
    assert path.read_text() == "mine"
    convert([PLAIN], tmp_path / "out", force=True, **settings)
    assert path.read_bytes() != b"mine"


def test_failure_while_writing_leaves_nothing_half_written(tmp_path, zh, monkeypatch):
    def no_space(self, path):
        path.write_bytes(b"half")
        if "dev" in path.name:
            raise OSError(28, "No space left on device")

    out = tmp_path / "out"
    out.mkdir()
    (out / "train.spacy").write_text("mine")
    monkeypatch.setattr(DocBin, "to_disk", no_space)
    with pytest.raises(OSError, match="No space"):
        convert([PLAIN], out, nlp=zh, split=HALVES, force=True)
    assert names(out) == ["train.spacy"]
    assert (out / "train.spacy").read_text() == "mine"


def test_id_of_two_different_documents_is_refused(tmp_path, zh):
    copy = tmp_path / PLAIN.name
    copy.write_bytes(SLIPS.read_bytes())
    with pytest.raises(CorpusError) as caught:
        convert([PLAIN, copy], tmp_path / "a.spacy", nlp=zh)
    assert str(caught.value) == (
        f"{copy}: the document id 'plain_lf-1' was already used in {PLAIN}. Convert the files "
        "apart, or rename one (tagged files take their ids from it)."
    )


def test_id_used_twice_in_one_file_is_refused(tmp_path, zh):
    path = tmp_path / "a.txt"
    path.write_text("1|t|Rash\n\n1|t|Flu\n", encoding="utf-8")
    with pytest.raises(CorpusError) as caught:
        convert([path], tmp_path / "a.spacy", nlp=zh)
    assert str(caught.value) == (
        f"{path}: the document id '1' was already used in {path}. "
        "Give each document an id of its own."
    )


def test_document_that_is_there_twice_is_read_once_and_noted(tmp_path, zh):
    copy = tmp_path / PLAIN.name
    copy.write_bytes(PLAIN.read_bytes())
    report = convert([PLAIN, copy], tmp_path / "a.spacy", nlp=zh)
    assert [d.id for d in read_corpus(tmp_path / "a.spacy")] == ["plain_lf-1", "plain_lf-2"]
    assert str(report.repairs[0]) == (
        f"{copy}: 'document plain_lf-1' read as 'nothing': "
        f"it repeats text and mentions of the document of this id in {PLAIN}"
    )
    with pytest.raises(CorpusError, match="it repeats text and mentions of the document"):
        convert([PLAIN, copy], tmp_path / "b.spacy", nlp=zh, strict=True)


def test_folder_gets_several_files(tmp_path, zh, monkeypatch):
    monkeypatch.setattr(convert_module, "TOKENS_PER_FILE", 1)
    monkeypatch.setattr(sinks, "_DOCUMENTS_PER_TASK", 3)
    report = convert([PLAIN, HEALTHNER], tmp_path / "out", nlp=zh)
    assert names(tmp_path / "out") == ["00001.spacy", "00002.spacy"]
    ids = [[d.id for d in read_corpus(tmp_path / "out" / name)] for name in names(tmp_path / "out")]
    assert ids == [["plain_lf-1", "plain_lf-2", "00000"], ["00001"]]
    assert report.documents == 4
    with pytest.raises(ConfigError, match="is a folder with files in it"):
        convert([PLAIN], tmp_path / "out", nlp=zh, force=True)


def test_jobs_give_the_same_as_one_process(tmp_path, en):
    source = tmp_path / "words.tsv"
    lines = [f"word{n}\t{'B-A' if n % 7 == 0 else 'O'}\n\n" for n in range(900)]
    source.write_text("".join(lines), encoding="utf-8")
    one = convert([source], tmp_path / "one.spacy", nlp=en)
    two = convert([source], tmp_path / "two.spacy", nlp=en, jobs=2)
    assert (tmp_path / "one.spacy").read_bytes() == (tmp_path / "two.spacy").read_bytes()
    assert [*one.parts.values()] == [*two.parts.values()]
    convert([source], tmp_path / "one.conll", nlp=en, to="conll")
    settings = {"to": "conll", "jobs": 2, "placement": Placement("tokenizer")}
    report = convert([source], tmp_path / "two.conll", nlp=en, **settings)
    assert (tmp_path / "one.conll").read_bytes() == (tmp_path / "two.conll").read_bytes()
    assert [*report.parts.values()] == [*one.parts.values()]
    with pytest.raises(ConfigError, match="jobs must be 1 or more, got 0"):
        convert([source], tmp_path / "no.spacy", nlp=en, jobs=0)


def test_folders_and_patterns_stand_for_files(tmp_path, zh):
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "b.txt").write_bytes(PLAIN.read_bytes())
    (folder / "a.txt").write_bytes(SLIPS.read_bytes())
    (folder / ".hidden").write_text("no corpus")
    for given in (folder, folder / "*.txt"):
        report = convert([given], tmp_path / "out.spacy", nlp=zh, force=True)
        assert list(report.inputs) == [folder / "a.txt", folder / "b.txt"]
    with pytest.raises(ConfigError, match="no file matches this pattern"):
        convert([folder / "*.json"], tmp_path / "out.spacy", nlp=zh, force=True)


def test_cut_documents_are_joined_again(tmp_path, en):
    text = "The pain began in May. It was severe! Then it went.\nHe was well. "
    spans = (Entity(4, 8, "S"), Entity(30, 36, "S"))
    whole = Document(text, spans, "a", sentences=tuple(find_sentences(text)))
    source, cut, joined = (tmp_path / f"{name}.spacy" for name in ("source", "cut", "joined"))
    documents_to_docbin([whole], en)[0].to_disk(source)
    report = convert([source], cut, nlp=en, pieces="cut")
    assert [d.id for d in read_corpus(cut)] == ["a@0-65", "a@23-65", "a@38-65", "a@52-65"]
    assert report.documents == 4
    convert([cut], joined, nlp=en, pieces="join")
    (again,) = read_corpus(joined)
    assert replace(again, tokens=None) == replace(whole, text=text.replace("\n", " "))


@pytest.mark.parametrize("split", [None, HALVES])
def test_empty_corpus_is_refused(tmp_path, zh, split):
    empty = tmp_path / "empty.txt"
    empty.touch()
    with pytest.raises(CorpusError, match=r"empty\.txt: no sentences: the file is empty"):
        convert([empty], tmp_path / ("out" if split else "out.spacy"), nlp=zh, split=split)
    assert names(tmp_path) == ["empty.txt"]


@pytest.mark.parametrize(
    ("inputs", "out", "split", "message"),
    [
        ([], "a.spacy", None, "no input files: name at least one"),
        ([PLAIN], "a.bin", None, r"a\.bin: name the output \*\.spacy, or a folder"),
        ([PLAIN], "folder.spacy", None, r"folder\.spacy: is a folder with files in it"),
        ([PLAIN], "file", HALVES, r"file: is a file\. Name a folder for the parts \['train'"),
        ([PLAIN], "a", {"../x": 1.0}, r"part name '\.\./x' cannot name a file"),
        ([PLAIN], "a", {"train": 0.5}, "shares must sum to 1"),
    ],
)
def test_settings_that_cannot_work_are_refused(tmp_path, zh, inputs, out, split, message):
    (tmp_path / "folder.spacy" / "mine").mkdir(parents=True)
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match=message):
        convert(inputs, tmp_path / out, nlp=zh, split=split)


def test_progress_goes_to_stderr(tmp_path, zh, capsys):
    convert([PLAIN], tmp_path / "a.spacy", nlp=zh, progress=True)
    captured = capsys.readouterr()
    assert "2 documents" in captured.err
    assert captured.out == ""
    convert([PLAIN], tmp_path / "b.spacy", nlp=zh)
    assert capsys.readouterr().err == ""


def test_same_input_gives_the_same_bytes_in_every_process(tmp_path, zh):
    convert([PLAIN, SLIPS], tmp_path / "here", nlp=zh, split=HALVES, seed=5)
    program = (
        "import sys, spacy\n"
        "from spacy_bioner.corpora.convert import convert\n"
        "*inputs, out = sys.argv[1:]\n"
        "split = {'train': 0.5, 'dev': 0.5}\n"
        "convert(inputs, out, nlp=spacy.blank('zh'), split=split, seed=5)"
    )
    arguments = [sys.executable, "-c", program, str(PLAIN), str(SLIPS), str(tmp_path / "there")]
    subprocess.run(arguments, check=True, env=os.environ | {"PYTHONHASHSEED": "7"})
    for name in ("train.spacy", "dev.spacy"):
        here, there = (tmp_path / folder / name for folder in ("here", "there"))
        assert here.read_bytes() == there.read_bytes()
