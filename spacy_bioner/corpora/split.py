"""Dividing a corpus into parts, the same way on every machine."""

from __future__ import annotations

import math
import random
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence

from spacy_bioner.corpora.document import Document
from spacy_bioner.corpora.same_text import bare
from spacy_bioner.corpora.sentences import cut_from, find_sentences
from spacy_bioner.errors import ConfigError

# Sentences shorter than this ("Methods:", "無。") say nothing about where a text is from.
_TELLING_LENGTH = 20


def check_shares(shares: Mapping[str, float]) -> None:
    """Raise ConfigError unless the shares of the parts are positive and sum to 1."""
    if not shares or not all(math.isfinite(s) and s > 0 for s in shares.values()):
        raise ConfigError(f"every part needs a share above 0, got {dict(shares)}")
    total = math.fsum(shares.values())
    if abs(total - 1) > 1e-6:
        raise ConfigError(f"shares must sum to 1, got {dict(shares)}, which sum to {total:g}")


def split_documents(
    documents: Iterable[Document], shares: Mapping[str, float], seed: int = 0
) -> dict[str, list[Document]]:
    """Deal documents into parts, one for each name in shares, with like shares of each type.

    Documents with the same text, or with a sentence of 20 characters or more in common, fall in
    the same part, so that none is seen in two; white space and case do not count. So do the
    pieces that one document was cut into. Parts are
    filled by iterative stratification (Sechidis et al. 2011, "On the stratification of multi-
    label data"): the rarest entity type first, each document to the part that lacks most of that
    type. Order is kept within a part. The result depends on the documents, their order, the
    shares and the seed only.

    Raises ConfigError if shares are not positive, do not sum to 1, or leave a part
    without documents.
    """
    check_shares(shares)
    documents = list(documents)
    groups = _groups_with_common_sentences(documents)
    random.Random(seed).shuffle(groups)
    part_of = _stratify(groups, documents, shares)
    parts: dict[str, list[Document]] = {name: [] for name in shares}
    for document, part in zip(documents, part_of, strict=True):
        parts[part].append(document)
    empty = [name for name, part in parts.items() if not part]
    if empty:
        raise ConfigError(
            f"{len(documents)} documents ({len(groups)} without a sentence in common) are too "
            f"few for the shares {dict(shares)}: nothing is left for {', '.join(empty)}"
        )
    return parts


def _groups_with_common_sentences(documents: Sequence[Document]) -> list[list[int]]:
    """Indices of documents, those that share a sentence or an origin together (union-find)."""
    parent = list(range(len(documents)))

    def root(index: int) -> int:
        while parent[index] != index:
            parent[index] = index = parent[parent[index]]
        return index

    first: dict[str | tuple[str, int], int] = {}
    for index, document in enumerate(documents):
        origin = cut_from(document)
        common: Iterable[str | tuple[str, int]] = _telling_sentences(document)
        for key in [*common, origin] if origin else common:
            parent[root(index)] = root(first.setdefault(key, index))
    groups = defaultdict[int, list[int]](list)
    for index in range(len(documents)):
        groups[root(index)].append(index)
    return list(groups.values())


def _telling_sentences(document: Document) -> set[str]:
    text = document.text
    sentences = document.sentences or find_sentences(text)
    pieces = [text[start:end] for start, end in sentences if end - start >= _TELLING_LENGTH]
    return {bare(piece) for piece in [*pieces, text]}


def _stratify(
    groups: Sequence[list[int]], documents: Sequence[Document], shares: Mapping[str, float]
) -> list[str]:
    """The part of each document. None stands for the documents themselves as a type."""
    contents = [_content(group, documents) for group in groups]
    totals = sum(contents, Counter[str | None]())
    lacking = {name: {t: n * share for t, n in totals.items()} for name, share in shares.items()}
    order = sorted(totals, key=lambda t: (t is None, totals[t], str(t)))
    having = {t: [g for g, content in enumerate(contents) if t in content] for t in order}
    part_of = [""] * len(documents)
    dealt = set[int]()
    for type in order:
        # large groups first: small ones can still even things out
        for g in sorted(having[type], key=lambda g: -len(groups[g])):
            if g in dealt:
                continue
            dealt.add(g)
            part = max(shares, key=lambda name: (lacking[name][type], lacking[name][None]))
            for t, n in contents[g].items():
                lacking[part][t] -= n
            for index in groups[g]:
                part_of[index] = part
    return part_of


def _content(group: Sequence[int], documents: Sequence[Document]) -> Counter[str | None]:
    """Mentions by type, and under None the number of documents, of a group."""
    content: Counter[str | None] = Counter({None: len(group)})
    content.update(entity.label for index in group for entity in documents[index].entities)
    return content
