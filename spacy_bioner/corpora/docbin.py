"""Document -> spaCy Doc: the one place where mentions are aligned with tokens."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from spacy.attrs import IDX, LENGTH
from spacy.language import Language
from spacy.tokens import Doc, DocBin, Span
from srsly.msgpack import Packer

from spacy_bioner.corpora.alignment import (
    Alignment,
    Change,
    Overlap,
    Placed,
    Policy,
    align,
    split_tokens,
)
from spacy_bioner.corpora.document import Document, Offsets
from spacy_bioner.corpora.receipt import Receipt
from spacy_bioner.corpora.writing_log import Feature
from spacy_bioner.errors import ConfigError

TokenSource = Literal["auto", "tokenizer", "corpus", "alphanumeric"]

# What a .spacy file of ours can say of a Document. Its tokens are the tokenizer's.
KEEPS = frozenset(Feature) - {Feature.FRAGMENTS, Feature.NOTES, Feature.ROLES}
SPANS_KEY = "sc"  # spaCy's own default for groups of spans that may overlap
_ATTRIBUTES = ("ORTH", "ENT_IOB", "ENT_TYPE", "ENT_KB_ID", "ENT_ID")


@dataclass(frozen=True, slots=True)
class Placement:
    """How Documents become Docs.

    tokens: "tokenizer" asks nlp, as "auto" does for .spacy files, so that a model is
    trained on the tokens it will meet, and "alphanumeric", for an nlp that has this tokenizer
    (see `spacy_bioner.corpora.tokenizers.blank_pipeline`); "corpus" takes Document.tokens (text
    between them becomes tokens of its own, save single blanks), as "auto" does for formats made
    of tokens, where a Document has them. policy, overlap: see
    `spacy_bioner.corpora.alignment.align`; with overlap "spans" all mentions that fit
    the tokens are in doc.spans["sc"] too, those that overlap only there.
    """

    tokens: TokenSource = "auto"
    policy: Policy = "strict"
    overlap: Overlap = "longest"


DEFAULT = Placement()
_PACKER = Packer(use_bin_type=True)


def empty_docbin() -> DocBin:
    """A DocBin that keeps what `document_to_doc` sets."""
    return DocBin(attrs=_ATTRIBUTES, store_user_data=True)


def document_to_doc(
    document: Document, nlp: Language, placement: Placement = DEFAULT
) -> tuple[Doc, Alignment]:
    """Tokenise a text and set its mentions as entities.

    Tokens of dropped mentions, and of stretches that were not annotated, get no annotation
    (ent_iob 0), never O; all other tokens outside of kept mentions are O. Concept and id of
    a mention become the span's kb_id_ and id_; id, genre, source, sections, sentences and
    labelled_types of the document go into doc.user_data under these names, as far as it has them.

    Raises ConfigError if the text is too long for nlp or its tokenizer does not keep it,
    or if tokens of the corpus are asked of a Document that has none.
    """
    doc = _tokenise(document, nlp, placement)
    alignment = align(document, _offsets(doc), placement.policy, placement.overlap)
    ents = [_span(doc, place) for place in alignment.kept]
    missing = [Span(doc, i, i + 1) for i in alignment.unknown]
    doc.set_ents(ents, missing=missing, default="outside")
    if placement.overlap == "spans":
        places = sorted([*alignment.kept, *alignment.overlapping], key=lambda p: p.index)
        doc.spans[SPANS_KEY] = [_span(doc, place) for place in places]
    doc.user_data |= _user_data(document)
    return doc, alignment


def documents_to_docbin(
    documents: Iterable[Document], nlp: Language, placement: Placement = DEFAULT
) -> tuple[DocBin, Receipt]:
    """Align all documents; see `document_to_doc`."""
    docbin = empty_docbin()
    labels: Counter[str] = Counter()
    changes: list[Change] = []
    retokenised = 0
    for document in documents:
        doc, alignment = document_to_doc(document, nlp, placement)
        _add(docbin, doc)
        retokenised += document.tokens not in (None, tuple(_offsets(doc)))
        changes += alignment.changes
        labels.update(entity.label for entity in document.entities)
    return docbin, Receipt.of(len(docbin), labels, changes, retokenised)


def _add(docbin: DocBin, doc: Doc) -> None:
    """docbin.add(doc), save that it does not look up all msgpack extensions each time."""
    docbin.store_user_data = False
    docbin.add(doc)
    docbin.store_user_data = True
    docbin.user_data.append(_PACKER.pack(doc.user_data))


def _offsets(doc: Doc) -> list[tuple[int, int]]:
    """(start, end) of each token in characters."""
    if len(doc) == 0:
        return []
    array = doc.to_array([IDX, LENGTH])  # (n, 2)
    array[:, 1] += array[:, 0]
    return list(map(tuple, array.tolist()))


def tokens_of(document: Document, nlp: Language, placement: Placement) -> Offsets:
    """The tokens that a format made of tokens is written in, white space left out.

    Raises ConfigError as `document_to_doc`.
    """
    if placement.tokens in ("auto", "corpus") and document.tokens is not None:
        return document.tokens
    doc = _tokenise(document, nlp, placement)
    return tuple((t.idx, t.idx + len(t)) for t in doc if not t.is_space)


def _user_data(document: Document) -> dict[str, Any]:
    data: dict[str, Any] = {"id": document.id, "genre": document.genre}
    if document.source:
        data["source"] = document.source
    if document.sections:
        data["sections"] = [[s.start, s.end, s.name] for s in document.sections]
    if document.sentences is not None:
        data["sentences"] = [list(sentence) for sentence in document.sentences]
    if document.labelled_types is not None:
        data["labelled_types"] = list(document.labelled_types)
    return data


def _span(doc: Doc, place: Placed) -> Span:
    entity = place.entity
    return Span(doc, place.start, place.end, entity.label, kb_id=entity.concept, span_id=entity.id)


def _tokenise(document: Document, nlp: Language, placement: Placement) -> Doc:
    if placement.tokens == "corpus":
        if document.tokens is None:
            raise ConfigError(f"document {document.id!r} has no tokens: let the tokenizer decide")
        tokens: Sequence[tuple[int, int]] = document.tokens
    else:
        doc = _by_tokenizer(document, nlp)
        if placement.policy != "split-tokens":
            return doc
        tokens = _offsets(doc)
    if placement.policy == "split-tokens":
        tokens = split_tokens(document, tokens)
    words, spaces = _words_and_spaces(document.text, tokens)
    return Doc(nlp.vocab, words=words, spaces=spaces)


def _by_tokenizer(document: Document, nlp: Language) -> Doc:
    if len(document.text) > nlp.max_length:
        raise ConfigError(
            f"document {document.id!r}: {len(document.text):,} characters are more than "
            f"nlp.max_length, {nlp.max_length:,}. Cut it, or raise that limit."
        )
    doc = nlp.make_doc(document.text)
    if doc.text != document.text:
        raise ConfigError(
            f"document {document.id!r}: the tokenizer changes the text, so that offsets "
            "into it mean nothing. Use one that keeps it, or the tokens of the corpus."
        )
    return doc


def _words_and_spaces(text: str, tokens: Sequence[tuple[int, int]]) -> tuple[list[str], list[bool]]:
    """Words, and whether a blank follows each, that spell out the text."""
    words: list[str] = []
    spaces: list[bool] = []
    position = 0
    for start, end in [*tokens, (len(text), len(text))]:
        if words and position < start and text[position] == " ":
            spaces[-1] = True
            position += 1
        for word in (text[position:start], text[start:end]):
            if word:
                words.append(word)
                spaces.append(False)
        position = end
    return words, spaces
