from __future__ import annotations

from pathlib import Path

import pytest

from spacy_bioner.corpora.document import Document, Entity, Section
from spacy_bioner.corpora.readers.pubtator import read_pubtator
from spacy_bioner.corpora.writers.pubtator import write_pubtator
from spacy_bioner.corpora.writing_log import WriteLog
from spacy_bioner.errors import ConfigError


def losses_of(document: Document, path: Path) -> dict[str, int]:
    log = WriteLog()
    write_pubtator([document], path / "a.pubtator", log=log)
    return {loss.what: loss.count for loss in log.losses.values()}


def test_what_cannot_be_said_is_counted(tmp_path):
    pieces = ((0, 4), (9, 13))
    entities = (
        Entity(0, 4, "a\tb ", id="T1", note="why", role="part"),
        Entity(0, 13, "X", pieces, concept="D1\n", note="p|q", role="composite"),
        Entity(0, 13, "X", role="composite"),
    )
    sections = (Section(0, 13, "title"), Section(14, 20, "results"))
    document = Document("Pain\r\n and ache\n ok.", entities, "1", "FT", (), "me", sections, ())
    assert losses_of(document, tmp_path) == {
        "token boundaries not kept": 1,
        "sentence boundaries not kept": 1,
        "genres not kept": 1,
        "annotation sources not kept": 1,
        "fragments of discontinuous mentions not kept": 1,
        "ids of mentions not kept": 1,
        "notes on mentions not kept": 1,
        "roles in composite mentions not kept": 2,
        "sections not kept": 2,
        "line breaks written as blanks": 2,
        "tabs, line breaks and outer blanks in columns": 2,
    }
    assert (tmp_path / "a.pubtator").read_bytes() == (
        b"1|t|Pain \n1|a| and ache  ok.\n1\t0\t4\tPain\ta b\t-\n"
        b"1\t0\t13\tPain   and ac\tX\tD1\tp|q\n1\t0\t13\tPain   and ac\tX\t-\n\n"
    )


@pytest.mark.parametrize(
    ("text", "sections", "lines", "losses"),
    [
        ("a b", (Section(0, 1, "title"), Section(2, 3, "abstract")), "1|t|a\n1|a|b\n", 1),
        ("a-b", (Section(0, 1, "title"), Section(2, 3, "abstract")), "1|t|a-b\n1|a|\n", 2),
        ("a\nb", (Section(0, 3, "title"),), "1|t|a b\n1|a|\n", 1),
        ("a\nb\nc", (Section(0, 3, "title"), Section(4, 5, "abstract")), "1|t|a b\n1|a|c\n", 1),
        ("a\nb", (Section(0, 1, "abstract"), Section(2, 3, "title")), "1|t|a\n1|a|b\n", 2),
        ("\nb", (Section(1, 2, "abstract"),), "1|t|\n1|a|b\n", 0),
        ("a  b ", (Section(0, 1, "title"), Section(3, 4, "abstract")), "1|t|a \n1|a|b \n", 3),
        ("b\n", (), "1|t|b \n1|a|\n", 1),
    ],
)
def test_title_and_abstract_are_parted(tmp_path, text, sections, lines, losses):
    document = Document(text, id="1", sections=sections)
    assert sum(losses_of(document, tmp_path).values()) == losses
    assert (tmp_path / "a.pubtator").read_bytes() == f"{lines}\n".encode()


def test_document_without_text_is_left_out_and_counted(tmp_path):
    log = WriteLog()
    write_pubtator([Document(""), Document("b")], tmp_path / "a", log=log)
    assert [str(loss) for loss in log.losses.values()] == [
        "1 documents without text not written (the first in document '1')"
    ]
    assert [d.id for d in read_pubtator(tmp_path / "a")] == ["2"]


@pytest.mark.parametrize(
    ("document", "message"),
    [
        (Document("a", id="x|y"), r"document 'x\|y': PubTator allows no '\|'"),
        (Document("a", id="\ufeffx"), r"document '\\ufeffx': PubTator allows no"),
        (Document("a", id="x\ny"), r"document 'x\\ny': PubTator allows no"),
        (Document("a", (Entity(0, 1, "\t"),)), "document '1': the mention at 0 to 1 has no type"),
        (Document("a\ud83d", id="x"), r"document 'x': half a surrogate pair, U\+D83D"),
    ],
)
def test_what_cannot_be_written_is_refused(tmp_path, document, message):
    with pytest.raises(ConfigError, match=message):
        write_pubtator([document], tmp_path / "a")


def test_the_number_of_a_document_without_id_is_not_given_twice(tmp_path):
    documents = [Document("Pain."), Document("Ache.", id="1")]
    with pytest.raises(ConfigError, match="'1' is the number of one without id"):
        write_pubtator(documents, tmp_path / "a.pubtator")
