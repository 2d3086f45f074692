"""One pipeline that several threads use at the same time, as a server does."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from spacy.language import Language

from tests.pipeline.pipelines import (
    LISTENING_BILSTM,
    TEXTS,
    bucketed_config,
    build_on_transformer,
    found,
    initialized,
    randomize_crf,
)

LONGER = [text * 20 for text in TEXTS]
WITH_DROPOUT = {
    **LISTENING_BILSTM,
    "encode": {**LISTENING_BILSTM["encode"], "depth": 2, "dropout": 0.5},
}
COPIES = 60


def test_threads_find_what_one_thread_finds(encoder: Path) -> None:
    nlp: Language = initialized(
        build_on_transformer(encoder, bucketed_config, tok2vec=WITH_DROPOUT)
    )
    randomize_crf(nlp)
    expected = [found(nlp(text)) for text in LONGER]
    assert any(expected)
    with ThreadPoolExecutor(4) as pool:
        docs = list(pool.map(nlp, LONGER * COPIES))
    assert [found(doc) for doc in docs] == expected * COPIES
