from __future__ import annotations

import time
from pathlib import Path

import pytest
from bioc import biocxml
from hypothesis import given, settings
from hypothesis import strategies as st

from spacy_bioner.corpora.document import Document, Entity
from spacy_bioner.corpora.readers.bioc_xml import fits_bioc_xml, read_bioc_xml
from spacy_bioner.corpora.writers.bioc_xml import write_bioc_xml
from spacy_bioner.corpora.writing_log import WriteLog
from spacy_bioner.errors import CorpusError
from tests.corpora.bioc_documents import check_reading

DATA = Path(__file__).parents[1] / "data" / "bioc_xml"
DOCUMENT = (
    "<document><id>1</id><passage><infon key='type'>title</infon><offset>0</offset>{}</passage>"
    "</document>"
)
ANNOTATION = (
    "<text>Mild fever.</text><annotation id='T1'><infon key='type'>Sign</infon>"
    "<location offset='5' length='5'/><text>fever</text></annotation>"
)


def collection(content: str, head: str = "") -> str:
    return f"{head}<collection><source/><date/><key/>{DOCUMENT.format(content)}</collection>"


def read_text(path: Path, text: str) -> list[Document]:
    path.write_text(text, encoding="utf-8", newline="")
    return list(read_bioc_xml(path))


def test_forbidden_characters_are_written_as_blanks(tmp_path):
    text = "a\0b\x0b\x1f\ufffec\uffff\ud800\x7f\x85"
    entity = Entity(0, 5, "X\x01", id="\x02", note="\x03")
    log = WriteLog()
    write_bioc_xml([Document(text, (entity,), "\x08")], tmp_path / "a.xml", log=log)
    assert list(read_bioc_xml(tmp_path / "a.xml")) == [
        Document("a b   c  \x7f\x85", (Entity(0, 5, "X", id=" ", note=" "),), " ")
    ]
    assert [str(loss) for loss in log.losses.values()] == [
        "10 characters that XML forbids, written as blanks (the first in document '\\x08')"
    ]


def test_nothing_is_counted_where_nothing_is_forbidden(tmp_path):
    log = WriteLog()
    write_bioc_xml(
        [Document("\t\n\r \ud7ff\ue000\ufffd\U00010000\U0010ffff")], tmp_path / "a", log=log
    )
    assert not log.losses


def test_carriage_returns_and_white_space_in_ids_survive(tmp_path):
    document = Document("One\r\nTwo\rThree\n", (Entity(0, 12, "X", id="\r\n\t "),), "a\rb")
    write_bioc_xml([document], tmp_path / "a.xml")
    assert list(read_bioc_xml(tmp_path / "a.xml")) == [document]
    assert b"One&#13;\nTwo&#13;Three\n" in (tmp_path / "a.xml").read_bytes()


def test_line_ends_of_the_file_count_once(tmp_path):
    text = collection(ANNOTATION.replace("Mild ", "Mild\r\n", 1))
    (document,) = read_text(tmp_path / "a", text)
    (entity,) = document.entities
    assert document.text == "Mild\nfever."
    assert document.text[entity.start : entity.end] == "fever"


def test_comments_and_cdata_belong_to_the_text(tmp_path):
    text = collection(
        ANNOTATION.replace("Mild fever.", "Mi<!-- < -->ld<![CDATA[ fe]]>ver<?x?>.", 1)
    )
    assert [d.text for d in read_text(tmp_path / "a", text)] == ["Mild fever."]


def test_nested_entities_end_soon(tmp_path):
    lines = [f'<!ENTITY e{i} "{f"&e{i - 1};" * 10}">' for i in range(1, 30)]
    head = f'<!DOCTYPE collection [<!ENTITY e0 "{"fever " * 10}">{"".join(lines)}]>'
    start = time.monotonic()
    with pytest.raises(CorpusError, match=r"a:1: invalid XML: limit on input amplification"):
        read_text(tmp_path / "a", collection("<text>&e29;</text>", head))
    assert time.monotonic() - start < 5


def test_one_entity_many_times_ends_soon(tmp_path):
    head = f'<!DOCTYPE collection [<!ENTITY e "{"fever " * 20_000}">]>'
    with pytest.raises(CorpusError, match=r"a:1: invalid XML: limit on input amplification"):
        read_text(tmp_path / "a", collection(f"<text>{'&e;' * 20_000}</text>", head))


@pytest.mark.parametrize(
    "doctype", ['collection SYSTEM "{}"', 'collection [<!ENTITY % d SYSTEM "{}"> %d;]']
)
def test_external_dtd_is_not_read(tmp_path, doctype):
    dtd = tmp_path / "BioC.dtd"
    dtd.write_text('<!ENTITY who "fever">', encoding="utf-8")
    head = f"<!DOCTYPE {doctype.format(dtd.as_uri())}>"
    with pytest.raises(CorpusError, match="undefined entity &who; at column"):
        read_text(tmp_path / "a", collection("<text>&who;</text>", head))


def test_deep_nesting_is_no_trouble(tmp_path):
    depth = 100_000
    assert read_text(tmp_path / "a", collection(ANNOTATION + "<x>" * depth + "</x>" * depth))
    with pytest.raises(CorpusError, match="ends too early"):
        read_text(tmp_path / "a", "<collection><document>" + "<passage>" * depth)


def test_declared_encoding_is_read(tmp_path):
    head = '<?xml version="1.0" encoding="windows-1252"?>'
    path = tmp_path / "a"
    path.write_bytes(collection("<text>“Ménière”</text>", head).encode("cp1252"))
    assert [d.text for d in read_bioc_xml(path)] == ["“Ménière”"]


def test_another_library_reads_the_plain_case():
    with (DATA / "plain.xml").open("rb") as file:
        theirs = biocxml.load(file).documents
    mine = list(read_bioc_xml(DATA / "plain.xml"))
    assert [d.id for d in mine] == [d.id for d in theirs]
    found = [a for p in theirs[0].passages for a in p.annotations] + theirs[0].annotations
    texts = {a.id: a.text for a in found}
    for entity in mine[0].entities:
        pieces = entity.fragments or ((entity.start, entity.end),)
        assert " ".join(mine[0].text[a:b] for a, b in pieces) == texts.pop(entity.id)
    assert not texts


@pytest.mark.parametrize(
    ("head", "fits"),
    [
        (b"<collection>", True),
        (
            b"\xef\xbb\xbf <?xml version='1.0'?>\r\n<!DOCTYPE collection [\n]><collection x='1'",
            True,
        ),
        (b"<?xml?><!-- a collection of documents -->\n<collection/>", True),
        ("<collection>".encode("utf-16"), True),
        (b"\xfe\xff" + "<?xml?> <collection>".encode("utf-16-be"), True),
        (b"<collections>", False),
        (b"<corpus><collection>", False),
        (b"x <collection>", False),
        (b"<?xml version='1.0'?>", False),
        (b'{"documents": ["<collection>"]}', False),
    ],
)
def test_fits_looks_at_the_first_element(head, fits):
    assert fits_bioc_xml(Path("a"), head) is fits


VALID = (DATA / "plain.xml").read_bytes()
PIECES = [
    *(f"<{slash}{tag}>" for slash in ("", "/") for tag in ("collection", "document", "passage")),
    *("<sentence>", "</sentence>", "<annotation id='a'>", "</annotation>", "<relation/>"),
    *("<id>1</id>", "<id/>", "<offset>0</offset>", "<offset>6</offset>", "<offset>x</offset>"),
    *("<text>fever.</text>", "<text></text>", "<text>f</text>", "fever", "&lt;", "&#0;", "<x/>"),
    *("<location offset='0' length='5'/>", "<location offset='2' length='1'/>", "<location/>"),
    *("<infon key='type'>Sign</infon>", "<infon key='MESH'>D1</infon>", "<infon/>", "\r\n"),
    *("<infon key='CompositeRole'>x</infon>", "<source>s</source>", "<infon key='x'><x/></infon>"),
]
changes = st.tuples(st.integers(0, len(VALID)), st.integers(0, 40), st.sampled_from(PIECES))


def changed(edits: list[tuple[int, int, str]]) -> bytes:
    content = VALID
    for start, length, piece in edits:
        content = content[:start] + piece.encode() + content[start + length :]
    return content


content = st.lists(st.sampled_from(PIECES), max_size=8).map("".join)
files = st.one_of(
    st.binary(max_size=60),
    st.lists(st.sampled_from(PIECES), max_size=20).map(lambda pieces: "".join(pieces).encode()),
    st.lists(changes, min_size=1, max_size=3).map(changed),
    content.map(lambda inner: collection(inner).encode()),
    content.map(lambda inner: collection(f"{ANNOTATION}{inner}").encode()),
    st.binary(max_size=9).map(lambda inner: collection("@").encode().replace(b"@", inner)),
)


@settings(max_examples=400)
@given(data=files, strict=st.booleans())
def test_reader_gives_documents_or_a_corpus_error(tmp_path_factory, data, strict):
    path = tmp_path_factory.getbasetemp() / "fuzz.xml"
    path.write_bytes(data)
    check_reading("bioc_xml", path, strict)


@pytest.mark.parametrize("cut", range(0, len(VALID), 97))
def test_truncated_file_is_refused(tmp_path, cut):
    path = tmp_path / "a.xml"
    path.write_bytes(VALID[:cut])
    with pytest.raises(CorpusError, match=r"half-written|the file is empty"):
        list(read_bioc_xml(path))
