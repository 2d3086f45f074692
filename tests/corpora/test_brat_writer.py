from __future__ import annotations

from pathlib import Path

import pytest

from spacy_bioner.corpora.document import Document, Entity, Section
from spacy_bioner.corpora.readers.brat import read_brat
from spacy_bioner.corpora.writers.brat import write_brat
from spacy_bioner.corpora.writing_log import WriteLog
from spacy_bioner.errors import ConfigError


def written(documents: list[Document], path: Path) -> tuple[dict[str, bytes], dict[str, int]]:
    """Contents of the files that were written, by name, and the losses."""
    log = WriteLog()
    write_brat(documents, path / "out", log=log)
    files = {file.name: file.read_bytes() for file in (path / "out").iterdir()}
    return files, {loss.what: loss.count for loss in log.losses.values()}


def test_all_that_brat_knows_is_written(tmp_path):
    entities = (
        Entity(0, 13, "Sign", ((0, 4), (9, 13)), "T7", "MeSH:D1|D2", "sure?"),
        Entity(5, 8, "Sign", id="T2", concept="X:1", note="# odd"),
    )
    files, losses = written([Document("Pain and ache 🙂\r\n", entities, "a/b.1")], tmp_path)
    assert losses == {}
    assert files == {
        "a%2Fb.1.txt": "Pain and ache 🙂\r\n".encode(),
        "a%2Fb.1.ann": b"T7\tSign 0 4;9 13\tPain ache\nN1\tReference T7 MeSH:D1\n"
        b"N2\tReference T7 D2\n#1\tAnnotatorNotes T7\tsure?\n"
        b"T2\tSign 5 8\tand\nN3\tReference T2 X:1\n#2\tAnnotatorNotes T2\t# odd\n",
    }


def test_what_cannot_be_said_is_counted(tmp_path):
    entities = (
        Entity(0, 4, "A b\u3000c", id="T1", concept="D 1||D2", note="so\tso", role="part"),
        Entity(0, 10, "X", ((0, 2), (6, 10)), id="x"),
        Entity(4, 6, "X", id="T3"),
    )
    sections = (Section(0, 4, "title"),)
    document = Document("Pain\r\nand\n", entities, "1", "FT", (), "me", sections, ())
    files, losses = written([document], tmp_path)
    assert losses == {
        "token boundaries not kept": 1,
        "sentence boundaries not kept": 1,
        "genres not kept": 1,
        "annotation sources not kept": 1,
        "sections not kept": 1,
        "roles in composite mentions not kept": 1,
        "ids of mentions renumbered": 1,
        "mentions cut at line breaks": 1,
        "mentions of line breaks only not written": 1,
        'types with white space written as "_"': 1,
        'concepts with white space written as "_" or empty parts left out': 1,
        "notes with tabs or line breaks written as blanks": 1,
    }
    assert files["1.ann"] == (
        b"T1\tA_b_c 0 4\tPain\nN1\tReference T1 D_1\nN2\tReference T1 D2\n"
        b"#1\tAnnotatorNotes T1\tso so\nT2\tX 0 2;6 9\tPa and\n"
    )


@pytest.mark.parametrize(
    ("given", "expected", "lost"),
    [
        (["T5", "T2"], ["T5", "T2"], 0),
        (["", ""], ["T1", "T2"], 0),
        (["T1", ""], ["T1", "T2"], 0),
        (["T2", ""], ["T1", "T2"], 1),
        (["T2", "T2"], ["T1", "T2"], 1),
        (["T2a", "T9"], ["T1", "T2"], 2),
    ],
)
def test_ids_are_kept_or_renumbered(tmp_path, given, expected, lost):
    document = Document("ab", tuple(Entity(i, i + 1, "X", id=id) for i, id in enumerate(given)))
    _, losses = written([document], tmp_path)
    (back,) = read_brat(tmp_path / "out")
    assert [e.id for e in back.entities] == expected
    assert losses == ({"ids of mentions renumbered": lost} if lost else {})


def test_documents_without_text_are_left_out_and_those_without_id_numbered(tmp_path):
    files, losses = written([Document(""), Document("b")], tmp_path)
    assert losses == {"documents without text not written": 1}
    assert files == {"2.txt": b"b", "2.ann": b""}


@pytest.mark.parametrize(
    ("documents", "message"),
    [
        ([Document("a", id="頭" * 67)], "its id makes a file name of more than 200 bytes"),
        ([Document("a", id="x"), Document("b", id="x")], "'x': there is already .* 'x.txt'"),
        ([Document("a", id="2"), Document("b")], "'2': there is already a document in"),
        ([Document("a", (Entity(0, 1, ""),))], "document '1': the mention at 0 to 1 has no type"),
        ([Document("a\ud83d", id="x")], r"document 'x': half a surrogate pair, U\+D83D"),
        ([Document("a", id="\ud83d")], r"half a surrogate pair, U\+D83D"),
    ],
)
def test_what_cannot_be_written_is_refused(tmp_path, documents, message):
    with pytest.raises(ConfigError, match=message):
        write_brat(documents, tmp_path / "out")


def test_documents_are_written_as_they_come(tmp_path):
    def documents():
        yield Document("a", id="1")
        assert (tmp_path / "out" / "1.ann").exists()
        yield Document("b", id="2")

    write_brat(documents(), tmp_path / "out")
    assert len(list(read_brat(tmp_path / "out"))) == 2
