"""Dividing a corpus into parts, the same way on every machine."""

from __future__ import annotations

import math
import random
from collections import Counter
from collections.abc import Iterable, Mapping

from spacy_bioner.corpora.document import Document
from spacy_bioner.errors import ConfigError


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
    """Deal documents at random into parts, one for each name in shares.

    Documents with the same text fall in the same part, so that none is seen in two;
    sizes are as near to the shares as that allows. Order is kept within a part. The
    result depends on the documents, their order, the shares and the seed only.

    Raises ConfigError if shares are not positive, do not sum to 1, or leave a part
    without documents.
    """
    check_shares(shares)
    documents = list(documents)
    texts = list(dict.fromkeys(document.text for document in documents))
    random.Random(seed).shuffle(texts)
    part_of = _deal(texts, documents, shares)
    parts: dict[str, list[Document]] = {name: [] for name in shares}
    for document in documents:
        parts[part_of[document.text]].append(document)
    empty = [name for name, part in parts.items() if not part]
    if empty:
        raise ConfigError(
            f"{len(documents)} documents ({len(texts)} different texts) are too few for the "
            f"shares {dict(shares)}: nothing is left for {', '.join(empty)}"
        )
    return parts


def _deal(
    texts: list[str], documents: list[Document], shares: Mapping[str, float]
) -> dict[str, str]:
    """The part of each text: the most repeated first, each to the part that lacks most."""
    counts = Counter(document.text for document in documents)
    lacking = {name: share * len(documents) for name, share in shares.items()}
    part_of: dict[str, str] = {}
    for text in sorted(texts, key=lambda text: -counts[text]):
        part = max(lacking, key=lambda name: lacking[name])
        lacking[part] -= counts[text]
        part_of[text] = part
    return part_of
