"""One pipeline that several threads use at the same time, as a server does."""

from __future__ import annotations

import pickle
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event

from spacy.language import Language

from tests.pipeline.pipelines import (
    LISTENING_BILSTM,
    TEXTS,
    bucketed_config,
    build_on_transformer,
    found,
    initialized,
    ner,
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


def test_what_one_thread_wants_of_scores_is_nothing_to_others(trained_cnn: Language) -> None:
    component, inside, outside = ner(trained_cnn), Event(), Event()
    before = component.decoding

    def strict() -> int:
        with component.scoring(threshold=1.0):
            inside.set()
            outside.wait(60)
            return len(trained_cnn(TEXTS[0]).ents)

    with ThreadPoolExecutor(1) as pool:
        result = pool.submit(strict)
        inside.wait(60)
        with component.scoring(candidates_floor=0.5):
            assert component.decoding.threshold == before.threshold
            assert len(trained_cnn(TEXTS[0]).ents) == 2
            outside.set()
            assert result.result() == 0
        assert component.decoding == before
        assert pool.submit(lambda: component.decoding).result() == before


def test_scoring_within_scoring_is_taken_back_step_by_step(trained_cnn: Language) -> None:
    component = ner(trained_cnn)
    before = component.decoding
    with component.scoring(threshold=0.9):
        with component.scoring(candidates_floor=0.5):
            assert component.decoding.threshold == 0.9
        assert component.decoding.candidates_floor is None
        again = pickle.loads(pickle.dumps(component))
        assert again.decoding.threshold == 0.9
    assert component.decoding == before
