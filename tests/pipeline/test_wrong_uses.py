from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import spacy
from confection import ConfigValidationError
from spacy.language import Language
from spacy.tokens import Doc
from spacy.training import Example

from spacy_bioner.errors import ConfigError, LabelError
from spacy_bioner.models.crf_tagger import build_crf_tagger
from spacy_bioner.pipeline.bert_crf_ner import BertCrfNer
from tests.pipeline.pipelines import (
    LISTENER,
    SENTENCES,
    build,
    example,
    examples,
    initialized,
    ner,
    tagger_config,
    transformer_config,
)


def test_add_label_after_initialize_is_refused() -> None:
    component = ner(initialized(build()))
    with pytest.raises(LabelError, match=r"cannot add the label 'GENE'.*initialize"):
        component.add_label("GENE")


def test_add_label_refuses_an_empty_label() -> None:
    with pytest.raises(LabelError, match="not empty"):
        ner(build()).add_label("")


def test_initialize_again_with_another_label_is_refused() -> None:
    nlp = initialized(build())
    with pytest.raises(LabelError, match="'GENE'"):
        nlp.initialize(lambda: [example(nlp, "基因", [(0, 2, "GENE")])])


def test_initialize_without_any_entity_is_refused() -> None:
    nlp = build()
    with pytest.raises(LabelError, match=r"no entities.*paths\.train"):
        nlp.initialize(lambda: examples(nlp, SENTENCES[2:]))


def test_update_with_an_unknown_label_is_refused() -> None:
    nlp = initialized(build())
    with pytest.raises(LabelError, match=r"'GENE'.*does not know.*'DRUG'"):
        nlp.update([example(nlp, "基因", [(0, 2, "GENE")])])


def test_predict_before_initialize_is_refused() -> None:
    nlp = build()
    with pytest.raises(LabelError, match="not initialised"):
        ner(nlp).predict([nlp.make_doc("頭痛")])


def test_update_before_initialize_is_refused() -> None:
    nlp = build()
    with pytest.raises(LabelError, match="not initialised"):
        ner(nlp).update(examples(nlp))


@pytest.mark.parametrize("scheme", ["BIO", "BILUO"])
@pytest.mark.parametrize("backend", ["packed", "pytorch-crf"])
def test_update_with_an_entity_that_never_begins_is_refused(scheme: str, backend: str) -> None:
    nlp = initialized(build(scheme=scheme, backend=backend))
    reference = Doc(nlp.vocab, ["頭", "痛"], [False] * 2, ents=["I-SYMP", "I-DRUG"])
    with pytest.raises(LabelError, match=r"token 0 \('頭'\).*never begins"):
        nlp.update([Example(nlp.make_doc("頭痛"), reference)])


def test_update_with_broken_weights_is_refused() -> None:
    nlp = initialized(build())
    output = ner(nlp).model.get_ref("output_layer")
    output.set_param("b", output.get_param("b") + np.float32("nan"))
    with pytest.raises(ValueError, match="not finite"):
        nlp.update(examples(nlp))
    with pytest.raises(ValueError, match="not finite: the emissions of 'bert_crf_ner'"):
        nlp("頭痛")


def test_factory_refuses_an_unknown_loss() -> None:
    with pytest.raises(ConfigError, match=r"loss = 'hinge'.*crf.*softmax"):
        build(loss="hinge")


def test_factory_refuses_an_unknown_scheme() -> None:
    with pytest.raises(ConfigValidationError, match="BILUO"):
        build(scheme="IOB1")


def test_component_refuses_an_unknown_scheme(trained_cnn: Language) -> None:
    with pytest.raises(LabelError, match=r"'IOB1'.*BIO.*BILUO"):
        BertCrfNer(trained_cnn.vocab, ner(trained_cnn).model, scheme="IOB1")


def test_build_crf_tagger_refuses_an_unknown_backend(trained_cnn: Language) -> None:
    with pytest.raises(ConfigError, match=r"'cuda'.*packed.*pytorch-crf"):
        build_crf_tagger(ner(trained_cnn).model.get_ref("tok2vec"), backend="cuda")


def test_build_crf_tagger_refuses_an_unknown_activation(trained_cnn: Language) -> None:
    with pytest.raises(ConfigError, match=r"'swish'.*gelu"):
        build_crf_tagger(ner(trained_cnn).model.get_ref("tok2vec"), activation="swish")


def test_initialize_checks_the_config(encoder: Path) -> None:
    config = transformer_config(encoder)
    config["model"]["get_spans"]["window"] = 40
    nlp = spacy.blank("zh")
    nlp.add_pipe("transformer", config=config)
    nlp.add_pipe("bert_crf_ner", config=tagger_config(LISTENER))
    with pytest.raises(ConfigError, match="window = 40"):
        initialized(nlp)
