from __future__ import annotations

from tests.pipeline.pipelines import (
    GOLD,
    build,
    example,
    examples,
    found_in,
    initialized,
    ner,
    randomize_crf,
    train,
)


def test_initialize_takes_labels_from_the_config() -> None:
    nlp = build()
    nlp.config["initialize"]["components"]["bert_crf_ner"] = {
        "labels": ["SYMP", "GENE", "DRUG", "DISE"]
    }
    train(initialized(nlp))
    assert ner(nlp).labels == ("SYMP", "GENE", "DRUG", "DISE")
    assert found_in(nlp) == GOLD


def test_initialize_sorts_the_labels_of_the_corpus() -> None:
    assert ner(initialized(build())).labels == ("DISE", "DRUG", "SYMP")


def test_initialize_takes_a_corpus_that_begins_with_empty_documents() -> None:
    nlp = build()
    nlp.initialize(lambda: [example(nlp, "", []) for _ in range(12)] + examples(nlp))
    assert found_in(train(nlp)) == GOLD


def test_initialize_sizes_the_model_again_when_called_again() -> None:
    nlp = initialized(build())
    randomize_crf(nlp)
    initialized(nlp)
    assert not ner(nlp).model.get_ref("crf").get_param("crf_transitions").any()


def test_label_data_is_what_initialize_takes() -> None:
    nlp = initialized(build())
    other = build()
    ner(other).initialize(lambda: examples(other), nlp=other, labels=ner(nlp).label_data)
    assert ner(other).labels == ner(nlp).labels


def test_add_label_before_initialize_keeps_the_label() -> None:
    nlp = build()
    assert ner(nlp).add_label("GENE") == 1
    assert ner(nlp).add_label("GENE") == 0
    assert ner(initialized(nlp)).labels == ("GENE", "DISE", "DRUG", "SYMP")
