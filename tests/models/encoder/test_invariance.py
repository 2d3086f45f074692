"""Batches, order and processes change no entity in float32; what they change else is counted."""

from __future__ import annotations

import random
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
import spacy
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from spacy.language import Language
from thinc.api import fix_random_seed

from spacy_bioner.corpora.reading import read_corpus
from spacy_bioner.encoders.make_encoder import make_encoder
from spacy_bioner.networks import bfloat16
from spacy_bioner.optimization.convert import optimized
from tests.pipeline.pipelines import LISTENER, examples, ner, randomize_crf, tagger_config

DATA = Path(__file__).resolve().parents[4] / "shared/data"
CORPORA = {
    "zh": DATA / "zh/healthner/test.json",
    "en": DATA / "en/ncbi-disease/devel.tsv",
}
Entities = list[list[tuple[int, int, str]]]

pytestmark = [
    pytest.mark.realdata,
    pytest.mark.skipif(not DATA.exists(), reason=f"no real corpora at {DATA}"),
]


@pytest.fixture(scope="module", params=CORPORA)
def texts(request: pytest.FixtureRequest) -> list[str]:
    sentences = [document.text for document in read_corpus(CORPORA[request.param])][:150]
    return [*sentences, " ".join(sentences[:60]), "", " "]


@pytest.fixture(scope="module")
def nlp(texts: list[str], tmp_path_factory: pytest.TempPathFactory) -> Language:
    """Random weights in all places, so that many decisions are close."""
    encoder = tmp_path_factory.mktemp("encoder") / "random"
    make_encoder([t for t in texts if t.strip()], encoder, layers=2, width=32, heads=2)
    fix_random_seed(0)
    pipeline = spacy.blank("zh")
    model = {
        "@architectures": "spacy_bioner.BucketedTransformer.v1",
        "name": str(encoder),
        "precision": "float32",
    }
    pipeline.add_pipe("transformer", config={"model": model})
    pipeline.add_pipe("bert_crf_ner", config=tagger_config(LISTENER))
    pipeline.initialize(lambda: examples(pipeline))
    output = ner(pipeline).model.get_ref("output_layer")
    weights = np.random.default_rng(0).normal(size=output.get_param("W").shape)
    output.set_param("W", (5 * weights).astype("float32"))
    randomize_crf(pipeline)
    return pipeline


def entities(nlp: Language, texts: Iterable[str], **how: int) -> Entities:
    docs = nlp.pipe(texts, **how)
    return [[(e.start, e.end, e.label_) for e in doc.ents] for doc in docs]


def in_another_order(nlp: Language, texts: list[str], seed: int, **how: int) -> Entities:
    order = random.Random(seed).sample(range(len(texts)), len(texts))
    found = entities(nlp, [texts[i] for i in order], **how)
    return [row for _, row in sorted(zip(order, found, strict=True))]


def changes(one: Entities, other: Entities) -> float:
    """The share of entities that only one of them has."""
    pairs = [(set(a), set(b)) for a, b in zip(one, other, strict=True)]
    return sum(len(a ^ b) for a, b in pairs) / sum(len(a | b) for a, b in pairs)


@pytest.fixture(scope="module")
def alone(nlp: Language, texts: list[str]) -> Entities:
    found = [entities(nlp, [text])[0] for text in texts]
    assert sum(map(len, found)) > 500
    return found


@settings(deadline=None, max_examples=8, suppress_health_check=list(HealthCheck))
@given(size=st.integers(1, 200), seed=st.integers(0, 1000))
def test_batch_and_order_change_no_entity(
    size: int, seed: int, nlp: Language, texts: list[str], alone: Entities
) -> None:
    assert in_another_order(nlp, texts, seed, batch_size=size) == alone


@pytest.mark.filterwarnings("ignore:.*fork.*")
def test_processes_change_no_entity(nlp: Language, texts: list[str], alone: Entities) -> None:
    assert entities(nlp, texts, n_process=2, batch_size=40) == alone


def test_what_bfloat16_and_int8_change_is_little(
    nlp: Language, texts: list[str], alone: Entities, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bfloat16, "cpu_flags", lambda: frozenset({"avx512_bf16"}))
    for form in ("bfloat16", "int8"):
        other = optimized(nlp, form)
        assert changes(in_another_order(other, texts, 1), alone) < 0.05
        assert changes(in_another_order(other, texts, 1), entities(other, texts)) < 0.02
