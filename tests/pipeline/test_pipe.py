from __future__ import annotations

import os
import subprocess
import sys

import pytest
from spacy.language import Language
from spacy.tokens import Doc

from tests.pipeline.pipelines import (
    GOLD,
    ODD_TEXTS,
    TEXTS,
    build,
    examples,
    found,
    found_in,
    initialized,
    ner,
    train,
)


def test_pipe_marks_tokens_outside_where_nothing_is_found(trained: Language) -> None:
    doc = trained(TEXTS[2])
    assert [token.ent_iob_ for token in doc] == ["O"] * len(doc)


def test_pipe_replaces_entities_that_were_there(trained_cnn: Language) -> None:
    doc = trained_cnn.make_doc(TEXTS[2])
    doc.ents = [doc.char_span(0, 2, "OLD")]
    assert found(trained_cnn(doc)) == []


def test_predict_sets_nothing(trained_cnn: Language) -> None:
    doc = trained_cnn.make_doc(TEXTS[0])
    ner(trained_cnn).predict([doc])
    assert not doc.has_annotation("ENT_IOB")


@pytest.mark.parametrize("batch_size", [1, 2, 5, 100])
def test_pipe_finds_the_same_in_every_batch(trained: Language, batch_size: int) -> None:
    texts = [*TEXTS, *ODD_TEXTS.values(), TEXTS[0] * 7, *TEXTS[::-1]]
    alone = [found(trained(text)) for text in texts]
    docs = trained.pipe(texts, batch_size=batch_size)
    assert [found(doc) for doc in docs] == alone


def test_pipe_finds_the_same_in_another_order(trained: Language) -> None:
    texts = [*TEXTS, *ODD_TEXTS.values()]
    assert found_in(trained, texts[::-1]) == found_in(trained, texts)[::-1]


def test_pipe_finds_the_same_in_two_processes(
    trained: Language, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOKENIZERS_PARALLELISM", "false")
    texts = TEXTS * 4
    docs = trained.pipe(texts, n_process=2, batch_size=3)
    assert [found(doc) for doc in docs] == GOLD * 4


IN_PROCESSES = """
import torch
from tests.pipeline.pipelines import BILSTM, TEXTS, build, initialized
torch.set_num_threads(2)
nlp = initialized(build(BILSTM))
nlp(TEXTS[0])
print(len(list(nlp.pipe(TEXTS * 4, n_process=2, batch_size=3))))
"""


@pytest.mark.parametrize("threads", ["", "2"])
def test_forked_processes_do_not_wait_for_threads_that_are_gone(threads: str) -> None:
    environment = {**os.environ, "OMP_NUM_THREADS": threads}
    if not threads:
        del environment["OMP_NUM_THREADS"]
    command = [sys.executable, "-c", IN_PROCESSES]
    done = subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=120, check=True
    )
    assert done.stdout.strip() == "12"


def test_pipe_hands_a_failing_document_to_the_error_handler(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    nlp = train(initialized(build()))
    component = ner(nlp)
    failed = []
    nlp.set_error_handler(lambda name, pipe, docs, error: failed.append((name, docs, error)))
    predict = component.predict

    def failing(docs: list[Doc]) -> object:
        if any("壞" in doc.text for doc in docs):
            raise RuntimeError("broken")
        return predict(docs)

    monkeypatch.setattr(component, "predict", failing)
    docs = list(nlp.pipe([TEXTS[0], "壞", TEXTS[1]], batch_size=1))
    assert [found(doc) for doc in docs] == GOLD[:2]
    assert [(name, [d.text for d in batch]) for name, batch, _ in failed] == [
        ("bert_crf_ner", ["壞"])
    ]


def test_pipe_works_in_a_memory_zone(trained: Language) -> None:
    with trained.memory_zone():
        assert found_in(trained) == GOLD
    assert found_in(trained) == GOLD


def test_evaluate_scores_entities_overall_and_per_type(trained: Language) -> None:
    scores = trained.evaluate(examples(trained))
    assert scores["ents_f"] == 1.0
    assert {label: score["f"] for label, score in scores["ents_per_type"].items()} == {
        "DISE": 1.0,
        "DRUG": 1.0,
        "SYMP": 1.0,
    }
