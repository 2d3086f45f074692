"""Document -> spaCy Doc: the one place where mentions are aligned with tokens."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from spacy.language import Language
from spacy.tokens import Doc, DocBin, Span

from spacy_bioner.corpora.document import Document, Entity
from spacy_bioner.corpora.outputs import check_outputs, write_together
from spacy_bioner.errors import ConfigError

TokenSource = Literal["tokenizer", "corpus"]

_ATTRIBUTES = ("ORTH", "ENT_IOB", "ENT_TYPE")
_SHOWN = 20


@dataclass(frozen=True, slots=True)
class Misaligned:
    """A mention that was left out of a Doc: document id, mention, its text, and why."""

    document: str
    entity: Entity
    text: str
    reason: str

    def __str__(self) -> str:
        at = f"{self.entity.start}-{self.entity.end}"
        return f"{self.document} {at} {self.entity.label} {self.text!r}: {self.reason}"


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of some Documents on their way to Docs.

    mentions_in, mentions_out: mentions of the Documents and of the Docs; the
    difference is listed in `misaligned`. labels: mentions of the Documents by label.
    """

    documents: int
    mentions_in: int
    mentions_out: int
    misaligned: tuple[Misaligned, ...] = ()
    labels: Mapping[str, int] = field(default_factory=dict)

    def render(self, limit: int | None = _SHOWN) -> str:
        """One text: the counts, then at most `limit` mentions left out (None: all)."""
        head = (
            f"{self.documents:,} documents, {self.mentions_out:,} of "
            f"{self.mentions_in:,} mentions kept"
        )
        return "\n".join([head, *render_list(self.misaligned, limit)])


def render_list(items: Sequence[object], limit: int | None) -> list[str]:
    """Indented lines, one an item, the last telling how many are not shown."""
    shown = items if limit is None else items[:limit]
    more = [f"... and {len(items) - len(shown):,} more"] if len(shown) < len(items) else []
    return [f"  {item}" for item in [*shown, *more]]


def document_to_doc(
    document: Document, nlp: Language, tokens: TokenSource = "tokenizer"
) -> tuple[Doc, list[Misaligned]]:
    """Tokenise a text and set its mentions as entities.

    tokens: "tokenizer" asks nlp, "corpus" takes Document.tokens (text between them
    becomes tokens of its own, save single blanks).

    A mention must begin and end at token boundaries; of mentions that overlap the
    longest is kept, of equal ones the first. Every other is returned, and those of its
    tokens that lie in no kept mention get no annotation (ent_iob 0), never O. All
    other tokens are O. Id and genre go into doc.user_data under "id" and "genre".

    Raises ConfigError if the text is too long for nlp or its tokenizer does not keep it,
    or if tokens of the corpus are asked of a Document that has none.
    """
    doc = _tokenise(document, nlp, tokens)
    kept, missing, misaligned = _align(document, _Boundaries.of(doc))
    spans = [Span(doc, start, end, label=label) for start, end, label in kept]
    doc.set_ents(spans, missing=[Span(doc, i, i + 1) for i in missing], default="outside")
    doc.user_data["id"] = document.id
    doc.user_data["genre"] = document.genre
    return doc, misaligned


def documents_to_docbin(
    documents: Iterable[Document], nlp: Language, tokens: TokenSource = "tokenizer"
) -> tuple[DocBin, Receipt]:
    """Align all documents; see `document_to_doc`."""
    docbin = DocBin(attrs=_ATTRIBUTES, store_user_data=True)
    labels: Counter[str] = Counter()
    misaligned: list[Misaligned] = []
    for document in documents:
        doc, left_out = document_to_doc(document, nlp, tokens)
        docbin.add(doc)
        misaligned += left_out
        labels.update(entity.label for entity in document.entities)
    mentions = labels.total()
    kept = mentions - len(misaligned)
    return docbin, Receipt(len(docbin), mentions, kept, tuple(misaligned), dict(labels))


def write_docbin(
    documents: Iterable[Document],
    path: Path | str,
    nlp: Language,
    *,
    force: bool = False,
    tokens: TokenSource = "tokenizer",
) -> Receipt:
    """Write a .spacy file, whole or not at all.

    Raises OutputExistsError if the file exists and force is not given, before any
    document is read, and whatever the documents raise.
    """
    path = Path(path)
    check_outputs([path], force)
    docbin, receipt = documents_to_docbin(documents, nlp, tokens)
    write_together({path: docbin.to_bytes()})
    return receipt


@dataclass(frozen=True, slots=True)
class _Boundaries:
    """Where each token starts and ends in the text, both ascending."""

    starts: list[int]
    ends: list[int]

    @classmethod
    def of(cls, doc: Doc) -> _Boundaries:
        starts = [token.idx for token in doc]
        lengths = map(len, doc)
        return cls(starts, [s + n for s, n in zip(starts, lengths, strict=True)])

    def touched(self, entity: Entity) -> range:
        """Tokens that share a character with a mention."""
        first = bisect_right(self.ends, entity.start)
        return range(first, bisect_left(self.starts, entity.end))

    def fit(self, entity: Entity, tokens: range) -> bool:
        return (
            len(tokens) > 0
            and self.starts[tokens[0]] == entity.start
            and self.ends[tokens[-1]] == entity.end
        )


def _align(
    document: Document, boundaries: _Boundaries
) -> tuple[list[tuple[int, int, str]], list[int], list[Misaligned]]:
    """Kept mentions as (first token, end token, label), unknown tokens, mentions left out."""
    owner: dict[int, Entity] = {}  # token -> the kept mention it lies in
    kept, unknown, misaligned = [], set[int](), []
    for entity in sorted(document.entities, key=lambda e: (e.start - e.end, e.start)):
        tokens = boundaries.touched(entity)
        rival = next((owner[i] for i in tokens if i in owner), None)
        if rival is None and boundaries.fit(entity, tokens):
            owner.update(dict.fromkeys(tokens, entity))
            kept.append((tokens.start, tokens.stop, entity.label))
            continue
        unknown.update(tokens)
        reason = "it does not begin and end at token boundaries"
        if boundaries.fit(entity, tokens) and rival:
            reason = f"it overlaps {document.text[rival.start : rival.end]!r} ({rival.label})"
        text = document.text[entity.start : entity.end]
        misaligned.append(Misaligned(document.id, entity, text, reason))
    misaligned.sort(key=lambda m: (m.entity.start, m.entity.end))
    return sorted(kept), sorted(unknown - owner.keys()), misaligned


def _tokenise(document: Document, nlp: Language, tokens: TokenSource) -> Doc:
    if tokens == "corpus":
        words, spaces = _corpus_words(document)
        return Doc(nlp.vocab, words=words, spaces=spaces)
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


def _corpus_words(document: Document) -> tuple[list[str], list[bool]]:
    """Words, and whether a blank follows each, that spell out the document's text."""
    if document.tokens is None:
        raise ConfigError(f"document {document.id!r} has no tokens: let the tokenizer decide")
    words: list[str] = []
    spaces: list[bool] = []
    position, text = 0, document.text
    for start, end in [*document.tokens, (len(text), len(text))]:
        if words and position < start and text[position] == " ":
            spaces[-1] = True
            position += 1
        for word in (text[position:start], text[start:end]):
            if word:
                words.append(word)
                spaces.append(False)
        position = end
    return words, spaces
