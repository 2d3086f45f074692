from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from spacy_bioner.corpora import outputs
from spacy_bioner.corpora.convert import convert
from spacy_bioner.corpora.readers import read_corpus
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
        "6 tags were repaired\n"
        f"  {SLIPS}:1: 'i-BODY' read as 'B-BODY': prefix in lower case, continues no entity of "
        "its type (token 1)\n"
        "  ... and 5 more\n"
        f"label 'BODY' occurs only in {SLIPS}\n"
        f"label 'DRUG' occurs only in {PLAIN}\n"
        f"label 'EXAM' occurs only in {PLAIN}"
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
    def no_space(self, data):
        if "dev" in self.name:
            raise OSError(28, "No space left on device")
        with self.open("wb") as file:
            return file.write(data)

    out = tmp_path / "out"
    out.mkdir()
    (out / "train.spacy").write_text("mine")
    monkeypatch.setattr(outputs.Path, "write_bytes", no_space)
    with pytest.raises(OSError, match="No space"):
        convert([PLAIN], out, nlp=zh, split=HALVES, force=True)
    assert names(out) == ["train.spacy"]
    assert (out / "train.spacy").read_text() == "mine"


def test_repeated_ids_are_refused(tmp_path, zh):
    copy = tmp_path / PLAIN.name
    copy.write_bytes(PLAIN.read_bytes())
    with pytest.raises(CorpusError) as caught:
        convert([PLAIN, copy], tmp_path / "a.spacy", nlp=zh)
    assert str(caught.value) == (
        f"{copy}: the document id 'plain_lf-1' was already used in {PLAIN}. Convert the files "
        "apart, or rename one (tagged files take their ids from it)."
    )


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
        ([PLAIN], "a.bin", None, r"a\.bin: name the output \*\.spacy, or give a split"),
        ([PLAIN], "folder.spacy", None, r"folder\.spacy: is a folder\. Name a file\."),
        ([PLAIN], "file", HALVES, r"file: is a file\. Name a folder for the parts \['train'"),
        ([PLAIN], "a", {"../x": 1.0}, r"part name '\.\./x' cannot name a file"),
        ([PLAIN], "a", {"train": 0.5}, "shares must sum to 1"),
    ],
)
def test_settings_that_cannot_work_are_refused(tmp_path, zh, inputs, out, split, message):
    (tmp_path / "folder.spacy").mkdir()
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
