from __future__ import annotations

import inspect

import pytest

from spacy_bioner.corpora.convert import convert
from spacy_bioner.corpora.format_settings import split_format
from spacy_bioner.corpora.readers import READERS
from spacy_bioner.corpora.reading import read_corpus
from spacy_bioner.corpora.writers import WRITERS, find_writer
from spacy_bioner.errors import ConfigError

COLUMNS = "knee B-BODY NN I-x\npain L-BODY NN I-x\n"


@pytest.fixture
def columns(tmp_path):
    path = tmp_path / "columns.txt"
    path.write_text(COLUMNS, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("conll", ("conll", {})),
        ("conll:scheme=BIO", ("conll", {"scheme": "BIO"})),
        ("conll: scheme = BIO , tag_column=-1", ("conll", {"scheme": "BIO", "tag_column": "-1"})),
    ],
)
def test_name_and_settings_are_parted(text, expected):
    assert split_format(text) == expected


def test_settings_are_those_of_the_functions():
    for function, settings in [
        *((reader.read, reader.settings) for reader in READERS.values()),
        *((writer.write, writer.settings) for writer in WRITERS.values()),
    ]:
        known = inspect.signature(function).parameters
        fixed = {"path", "documents", "log"}
        assert set(settings) == set(known) - fixed


def test_any_column_and_scheme_is_read(columns):
    read = list(read_corpus(columns, "conll:tag_column=1,scheme=BILUO"))
    assert [(d.text, e.start, e.end, e.label) for d in read for e in d.entities] == [
        ("knee pain", 0, 9, "BODY")
    ]
    joined = read_corpus(columns, "conll:tag_column=-1,token_column=2,joiner=nothing")
    assert [d.text for d in joined] == ["NNNN"]


def test_any_scheme_is_written(columns, tmp_path, en):
    out = tmp_path / "out.conll"
    settings = {"format": "conll:tag_column=1", "to": "conll:scheme=BIOES"}
    convert([columns], out, nlp=en, **settings)
    assert out.read_text() == "knee\tB-BODY\npain\tE-BODY\n\n"


@pytest.mark.parametrize(
    ("format", "message"),
    [
        ("auto:scheme=BIO", "format 'auto:scheme=BIO': settings need the name of a format before"),
        ("brat:x=1", "format 'brat' has no setting 'x': it has no settings"),
        (
            "conll:x=1",
            "format 'conll' has no setting 'x': its settings are scheme, token_column, tag_column",
        ),
        ("conll:scheme", "'scheme' is no setting, or a second one of its name. Write them as "),
        ("conll:scheme=BIO,scheme=BIO", "'scheme=BIO' is no setting, or a second one of its name"),
        ("conll:", "format 'conll:': '' is no setting"),
        ("conll:tag_column=x", "format 'conll', setting 'tag_column': 'x' is no whole number"),
        ("conll:scheme=IO", "format 'conll', setting 'scheme': unknown tag scheme 'IO'"),
        ("conll:joiner=,", "'joiner': '' is not one of auto, blank, nothing|'' is no setting"),
        ("healthner:labels=x", "setting 'labels': 'x' is not one of character, word"),
    ],
)
def test_wrong_settings_are_named(columns, format, message):
    with pytest.raises(ConfigError, match=message):
        list(read_corpus(columns, format))


def test_wrong_settings_of_writers_stop_before_any_work(columns, tmp_path, en):
    with pytest.raises(ConfigError, match="format 'brat' has no setting 'x'"):
        convert(["missing"], tmp_path / "a", nlp=en, to="brat:x=1")
    with pytest.raises(ConfigError, match=r"cannot write 'word': use one of \['spacy', 'bioc_xml'"):
        find_writer("word")
