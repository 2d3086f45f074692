from __future__ import annotations

from pathlib import Path

import pytest
import spacy
from spacy.tokens import DocBin
from typer.testing import CliRunner

from spacy_bioner.cli import COMMANDS, app
from spacy_bioner.corpora.alignment import OVERLAPS, POLICIES
from spacy_bioner.corpora.reading import read_corpus

DATA = Path(__file__).parent / "data"
PLAIN = DATA / "character_tags" / "plain_lf.txt"


def run(*arguments: object) -> tuple[int, str]:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    return result.exit_code, result.output


@pytest.mark.parametrize("command", COMMANDS)
def test_help_teaches(command):
    code, output = run(command, "--help")
    assert code == 0
    assert "Usage:" in output
    assert command == "formats" or "spacy bioner " in output


def test_choices_are_those_of_the_functions():
    _, output = run("convert", "--help")
    assert "|".join(POLICIES) in "".join(output.split())
    assert "|".join(OVERLAPS) in "".join(output.split())


def test_convert_prints_the_receipt(tmp_path):
    code, output = run("convert", PLAIN, tmp_path / "a.spacy")
    assert code == 0
    assert "2 documents, 3 of 3 mentions kept" in output


@pytest.mark.parametrize("jobs", [1, 2])
def test_alphanumeric_tokens_keep_names_within_words_of_spacy(tmp_path, jobs):
    text = "(METH)-induced"
    (tmp_path / "in.txt").write_text(f"1|t|{text}\n1|a|\n1\t1\t5\tMETH\tChemical\tD1\n\n")
    expected = {"tokenizer": [], "alphanumeric": [("METH", "Chemical")]}
    for tokens, kept in expected.items():
        out = tmp_path / f"{tokens}.spacy"
        settings = ("--lang", "en", "--tokens", tokens, "--jobs", jobs)
        code, output = run("convert", tmp_path / "in.txt", out, *settings)
        assert code == 0, output
        (doc,) = DocBin().from_disk(out).get_docs(spacy.blank("en").vocab)
        assert [(span.text, span.label_) for span in doc.ents] == kept
    assert [token.text for token in doc[:5]] == ["(", "METH", ")", "-", "induced"]


def test_error_is_one_line_and_the_exit_code_1(tmp_path):
    (tmp_path / "a.spacy").touch()
    code, output = run("convert", PLAIN, tmp_path / "a.spacy")
    assert code == 1
    assert output.splitlines() == [
        f"error: {tmp_path / 'a.spacy'}: already exists. Give --force to overwrite it."
    ]


def test_split_keeps_the_format(tmp_path):
    code, output = run("split", PLAIN, tmp_path / "out", "--parts", "train=0.5,dev=0.5")
    assert code == 0, output
    parts = sorted((tmp_path / "out").iterdir())
    assert [path.stem for path in parts] == ["dev", "train"]
    texts = {d.text for path in parts for d in read_corpus(path, "character_tags")}
    assert texts == {d.text for d in read_corpus(PLAIN)}


def test_split_keeps_the_tag_scheme(tmp_path):
    sentence = "Severe\tB-SYMP\nback\tI-SYMP\npain\tE-SYMP\n{}\tO\naspirin\tS-DRUG\n\n"
    corpus = tmp_path / "a.conll"
    corpus.write_text("".join(sentence.format(n) for n in range(9)))
    code, output = run("split", corpus, tmp_path / "out", "--parts", "train=0.5,dev=0.5")
    assert code == 0, output
    tags = {
        line.split("\t")[1]
        for path in (tmp_path / "out").iterdir()
        for line in path.read_text().splitlines()
        if line
    }
    assert tags == {"B-SYMP", "I-SYMP", "E-SYMP", "S-DRUG", "O"}


def test_brat_corpora_in_subfolders_are_found(tmp_path):
    folder = tmp_path / "brat/train"
    folder.mkdir(parents=True)
    (tmp_path / "brat/annotation.conf").write_text("[entities]\nSYMP\n")
    (folder / "a.txt").write_text("pain")
    (folder / "a.ann").write_text("T1\tSYMP 0 4\tpain\n")
    code, output = run("convert", tmp_path / "brat", tmp_path / "a.spacy", "--lang", "en")
    assert code == 0, output
    assert "1 of 1 mentions kept" in output


def test_split_refuses_shares_that_it_cannot_read(tmp_path):
    code, output = run("split", PLAIN, tmp_path / "out", "--parts", "train:0.5")
    assert code == 2
    assert "write it as train=0.9,dev=0.1" in output


def test_formats_lists_what_is_read_and_written():
    _, output = run("formats")
    assert "pubtator" in output
    assert "character_tags" in output


def test_unknown_target_format_is_refused(tmp_path):
    code, output = run("convert", PLAIN, tmp_path / "a", "--to", "word")
    assert code == 1
    assert "cannot write 'word': use one of ['spacy'," in output
