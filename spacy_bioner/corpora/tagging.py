"""From Documents to sentences of tokens and tags, for the writers of tagged files."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import accumulate, compress, pairwise
from operator import itemgetter
from pathlib import Path

from spacy_bioner.corpora.alignment import align, sentence_tokens
from spacy_bioner.corpora.document import Document, Offsets
from spacy_bioner.corpora.json_text import check_encodable
from spacy_bioner.corpora.tag_schemes import Scheme, scheme_tags
from spacy_bioner.corpora.tagged import JOINER_LINES, guess_joiner
from spacy_bioner.corpora.text_lines import LineError
from spacy_bioner.corpora.writing_log import WriteLog
from spacy_bioner.errors import ConfigError

Mention = tuple[int, int, str]
"""First token, end token, and label."""

WHITE_SPACE = re.compile(r"\s")


@dataclass(frozen=True, slots=True)
class TaggedSentence:
    """The tokens of a sentence as they stand in the text, and their tags."""

    tokens: list[str]
    tags: list[str]


def place_mentions(document: Document, tokens: Offsets, log: WriteLog) -> list[Mention]:
    """The mentions on the tokens, by position; those that find no place are counted.

    A mention must begin and end where tokens do; of overlapping ones the longest stays.
    A label in which a tag could not be read (with white space, or empty) gets "_".
    """
    alignment = align(document, tokens)
    overlapping, lost = len(alignment.overlapping), sum(c.to is None for c in alignment.changes)
    log.lose("overlapping mentions dropped", document.id, overlapping)
    log.lose("mentions that do not fit the tokens", document.id, lost - overlapping)
    labels = [WHITE_SPACE.sub("_", place.entity.label) or "_" for place in alignment.kept]
    changed = sum(a != b.entity.label for a, b in zip(labels, alignment.kept, strict=True))
    log.lose('labels empty or with white space, written with "_"', document.id, changed)
    return [(p.start, p.end, label) for p, label in zip(alignment.kept, labels, strict=True)]


def tag_sentences(
    document: Document,
    tokens: Offsets,
    log: WriteLog,
    *,
    scheme: Scheme = "BIO",
    sentences: Offsets | None = None,
    blanks: bool = True,
) -> list[TaggedSentence]:
    """The sentences of a document (if none are given it is one) with a tag for each token.

    blanks: keep tokens that are white space only; else they are left out and counted.
    Two sentences that share a mention become one, which is counted; what of the text
    lies in no token, and is not white space, is counted too, and so are sentences without
    tokens, which are left out.
    """
    tokens = tuple((start, end) for start, end in tokens if start < end)
    _count_uncovered(document, tokens, log)
    texts = [document.text[start:end] for start, end in tokens]
    kept = [blanks or not text.isspace() for text in texts]
    place = [0, *accumulate(kept)]  # from a token's index to that among the kept
    log.lose("tokens of white space left out", document.id, len(texts) - place[-1])
    mentions = [(place[a], place[b], c) for a, b, c in place_mentions(document, tokens, log)]
    log.lose("mentions of white space left out", document.id, sum(a == b for a, b, _ in mentions))
    mentions = [mention for mention in mentions if mention[0] < mention[1]]
    ranges = sentence_tokens(sentences or (), tokens)
    spans = [(place[span.start], place[span.stop]) for span in ranges]
    texts = list(compress(texts, kept))
    edges = _edges(document, spans, mentions, log)
    return [_sentence(texts, mentions, a, b, scheme) for a, b in pairwise(edges)]


def _edges(
    document: Document, spans: list[tuple[int, int]], mentions: list[Mention], log: WriteLog
) -> list[int]:
    """Where sentences begin, and the last one ends: not within a mention, nor twice."""
    empty = sum(first == end for first, end in spans) if len(spans) > 1 else 0
    log.lose("sentences without tokens left out", document.id, empty)
    ends = {end for _, end in spans}
    inner = {i for first, end, _ in mentions for i in range(first + 1, end)} & ends
    log.lose("sentence ends within mentions left out", document.id, len(inner))
    return sorted({0, *ends} - inner)


def _sentence(
    texts: list[str], mentions: list[Mention], first: int, end: int, scheme: Scheme
) -> TaggedSentence:
    low, high = (bisect_left(mentions, edge, key=itemgetter(0)) for edge in (first, end))
    inside = [(a - first, b - first, label) for a, b, label in mentions[low:high]]
    return TaggedSentence(texts[first:end], scheme_tags(end - first, inside, scheme))


def _count_uncovered(document: Document, tokens: Offsets, log: WriteLog) -> None:
    edges = [0, *(offset for token in tokens for offset in token), len(document.text)]
    gaps = zip(edges[::2], edges[1::2], strict=True)
    missing = sum(len("".join(document.text[a:b].split())) for a, b in gaps if a < b)
    log.lose("characters that lie in no token", document.id, missing)


@dataclass(slots=True)
class TextCheck:
    """Counts the documents whose text the reader of a tagged file will not restore.

    The reader joins the tokens as the first 1,000 lines suggest; the documents written
    before these are known wait for them.
    """

    log: WriteLog
    _head: list[str | None] = field(default_factory=list)
    _waiting: list[tuple[str, set[str]]] = field(default_factory=list)
    _joiner: str | None = None

    def add(self, document: Document, lines: Sequence[str | None]) -> None:
        """Note the lines of a document: its tokens, None for each line that is none.

        Lines that are no token count; those between two tokens are line ends in its text.
        """
        sentences = list(_sentences(lines))
        fitting = {
            joiner
            for joiner in ("", " ")
            if "\n".join(map(joiner.join, sentences)) == document.text
        }
        self._waiting.append((document.id, fitting))
        if self._joiner is None:
            self._head += lines[: JOINER_LINES - len(self._head)]
        if len(self._head) >= JOINER_LINES:
            self.close()

    def close(self) -> None:
        """Count the documents that waited. To be called after the last one."""
        if self._joiner is None:
            self._joiner = guess_joiner([token for token in self._head if token is not None])
        for id, fitting in self._waiting:
            self.log.lose("texts not kept to the letter", id, self._joiner not in fitting)
        self._waiting.clear()


def _sentences(lines: Sequence[str | None]) -> Iterator[list[str]]:
    sentence: list[str] = []
    for line in lines:
        if line is not None:
            sentence.append(line)
        elif sentence:
            yield sentence
            sentence = []
    if sentence:
        yield sentence


def check_document(document: Document) -> None:
    """Raise ConfigError if a document holds half a surrogate pair, which no file can."""
    labels = [entity.label for entity in document.entities]
    try:
        check_encodable("".join([document.id, document.genre, document.text, *labels]))
    except LineError as error:
        raise ConfigError(f"document {document.id!r}: {error}") from None


def write_lines(lines: Iterable[str], path: Path) -> None:
    r"""Write lines, which have their ends, as they come: UTF-8, no byte order mark."""
    with path.open("w", encoding="utf-8", newline="\n") as file:
        lines = iter(lines)
        first = next(lines, "")
        # Readers take one mark from the start of a file: this keeps that of the text.
        file.write(f"\ufeff{first}" if first.startswith("\ufeff") else first)
        file.writelines(lines)
