"""spaCy's own .spacy files (https://spacy.io/api/docbin) as Documents."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from spacy.tokens import Doc, DocBin
from spacy.vocab import Vocab

from spacy_bioner.corpora.document import Document, Entity
from spacy_bioner.corpora.tagged import Repair
from spacy_bioner.corpora.text_lines import open_corpus
from spacy_bioner.errors import CorpusError


def read_spacy_docbin(
    path: Path | str, *, strict: bool = False, repairs: list[Repair] | None = None
) -> Iterator[Document]:
    """Yield the documents of a .spacy file, with spaCy's tokens.

    Id and genre are what `write_docbin` stored, else `<stem>-<n>` and "". Tokens whose
    annotation is missing count as outside here, for a Document has no such notion.
    strict and repairs are there for the sake of all readers: this format has no slips.

    Raises CorpusError if the file is not a DocBin or holds no document.
    """
    path = Path(path)
    empty = True
    for document in _documents(path):
        empty = False
        yield document
    if empty:
        raise CorpusError("no documents: the DocBin is empty. Check the path.", path)


def _documents(path: Path) -> Iterator[Document]:
    with open_corpus(path) as file:
        data = file.read()
    try:
        for n, doc in enumerate(DocBin().from_bytes(data).get_docs(Vocab()), 1):
            yield _document(doc, f"{path.stem}-{n}")
    except Exception as error:  # zlib, msgpack, numpy and Doc each fail in ways of their own
        raise CorpusError(
            f"not a DocBin, or a damaged one ({type(error).__name__}). "
            "Write it again with spaCy 3.",
            path,
        ) from error


def _document(doc: Doc, default_id: str) -> Document:
    return Document(
        text=doc.text,
        entities=tuple(Entity(e.start_char, e.end_char, e.label_) for e in doc.ents),
        id=str(doc.user_data.get("id", default_id)),
        genre=str(doc.user_data.get("genre", "")),
        tokens=tuple((token.idx, token.idx + len(token)) for token in doc),
    )
