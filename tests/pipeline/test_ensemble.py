from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import spacy
from spacy.attrs import ORTH
from spacy.language import Language
from spacy.training import Example
from spacy.vectors import Vectors
from thinc.api import Config
from typer.testing import CliRunner

from spacy_bioner.cli import app
from spacy_bioner.errors import ConfigError
from spacy_bioner.pipeline.ensemble import make_ensemble, settings_not_kept
from tests.pipeline.pipelines import (
    BILSTM,
    CNN,
    GOLD,
    LISTENER,
    LISTENING_BILSTM,
    bucketed_config,
    build,
    build_on_transformer,
    emissions,
    found_in,
    initialized,
    randomize_crf,
    tagger_config,
    train,
    transformer_config,
)

NAME = "bert_crf_ner"


def test_ensemble_means_emissions_of_unlike_models_and_finds_what_they_find() -> None:
    members = [train(initialized(build(tok2vec))) for tok2vec in (CNN, BILSTM)]
    expected = np.mean([emissions(nlp) for nlp in members], axis=0)
    joined = make_ensemble(members)
    np.testing.assert_allclose(emissions(joined), expected, rtol=1e-5, atol=1e-6)
    assert found_in(joined) == GOLD


@pytest.mark.parametrize(
    ("config", "tok2vec"),
    [
        (transformer_config, LISTENER),
        (bucketed_config, LISTENER),
        (bucketed_config, LISTENING_BILSTM),
    ],
    ids=["stock", "bucketed", "bucketed-inside"],
)
def test_ensemble_keeps_a_transformer_for_each_member(
    encoder: Path, tmp_path: Path, config: Any, tok2vec: dict[str, Any]
) -> None:
    on_transformer = build_on_transformer(encoder, config, tok2vec)
    members = [initialized(on_transformer), initialized(build(CNN))]
    for seed, nlp in enumerate(members):
        randomize_crf(nlp, seed)
    expected = np.mean([emissions(nlp) for nlp in members], axis=0)
    joined = make_ensemble(members)
    assert joined.pipe_names == [NAME]
    np.testing.assert_allclose(emissions(joined), expected, rtol=1e-4, atol=1e-5)
    joined.to_disk(tmp_path / "joined")
    loaded = spacy.load(tmp_path / "joined")
    np.testing.assert_array_equal(emissions(loaded), emissions(joined))
    assert found_in(loaded) == found_in(joined)
    assert found_in_new_process(tmp_path / "joined") == json.loads(json.dumps(found_in(joined)))


def found_in_new_process(pipeline: Path) -> Any:
    """Where no other pipeline was loaded, and so no transformer component ever made."""
    code = (
        "import json, spacy; from tests.pipeline.pipelines import found_in; "
        f"print(json.dumps(found_in(spacy.load({str(pipeline)!r}))))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_ensemble_takes_members_whose_configs_refer_to_themselves(tmp_path: Path) -> None:
    """As fast_crf.cfg does: one width is `${components....width}`."""
    train(initialized(build(BILSTM))).to_disk(tmp_path / "a")
    path = tmp_path / "a" / "config.cfg"
    config = Config().from_disk(path, interpolate=False)
    inner = "components.bert_crf_ner.model.tok2vec"
    config["components"][NAME]["model"]["tok2vec"]["encode"]["width"] = f"${{{inner}.embed.width}}"
    config.to_disk(path)
    joined = make_ensemble([spacy.load(tmp_path / "a"), spacy.load(tmp_path / "a")])
    joined.to_disk(tmp_path / "joined")
    assert found_in(spacy.load(tmp_path / "joined")) == GOLD


def test_ensemble_takes_settings_of_a_transformer_that_refer_to_its_own_config(
    encoder: Path, tmp_path: Path
) -> None:
    """As mini_crf.cfg does with `${paths.encoder}`, which the config of the first member lacks."""
    member = initialized(build_on_transformer(encoder, bucketed_config))
    expected = np.mean([emissions(nlp) for nlp in (initialized(build(CNN)), member)], axis=0)
    member.to_disk(tmp_path / "b")
    path = tmp_path / "b" / "config.cfg"
    config = Config().from_disk(path, interpolate=False)
    config["paths"]["encoder"] = str(encoder)
    config["components"]["transformer"]["model"]["name"] = "${paths.encoder}"
    config.to_disk(path)
    joined = make_ensemble([initialized(build(CNN)), spacy.load(tmp_path / "b")])
    joined.to_disk(tmp_path / "joined")
    found = emissions(spacy.load(tmp_path / "joined"))
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def test_ensemble_refuses_members_that_differ() -> None:
    one, other = initialized(build(CNN)), initialized(build(CNN, scheme="BILUO"))
    with pytest.raises(ConfigError, match="pipelines 1 and 2 differ in scheme: BIO and BILUO"):
        make_ensemble([one, other])
    with pytest.raises(ConfigError, match="pipeline 2 has no component 'bert_crf_ner'"):
        make_ensemble([one, spacy.blank("zh")])
    with pytest.raises(ConfigError, match=r"pipeline 2: its component .* was never trained"):
        make_ensemble([one, build(CNN)])
    with pytest.raises(ConfigError, match="pipelines 2 and 3 have different vectors"):
        make_ensemble([one, with_vectors(1.0), with_vectors(2.0)])


def with_vectors(value: float) -> Language:
    nlp = initialized(build(CNN))
    nlp.vocab.vectors = Vectors(data=np.full((1, 3), value, dtype="float32"), keys=["糖"])
    return nlp


def test_ensemble_has_the_vectors_of_those_members_that_have_some() -> None:
    joined = make_ensemble([initialized(build(CNN)), with_vectors(1.0), with_vectors(1.0)])
    assert joined.vocab["糖"].vector.tolist() == [1.0, 1.0, 1.0]


def test_what_does_not_hold_for_all_is_told() -> None:
    members = [initialized(build(CNN, threshold=threshold)) for threshold in (0.4, 0.0, 0.4)]
    assert settings_not_kept(members, NAME) == [
        "threshold: 0.4, as the first has it; member 2 had 0.0"
    ]
    members[1].get_pipe(NAME).cfg["temperature"] = 1.2
    assert settings_not_kept(members[1:2], NAME) == [
        "temperature: 1, as none holds for all: run `spacy bioner calibrate` anew"
    ]


def test_components_that_are_left_out_are_told() -> None:
    members = [initialized(build(CNN)) for _ in range(2)]
    members[1].add_pipe("sentencizer")
    assert settings_not_kept(members, NAME) == [
        "components of member 2: sentencizer; add them anew"
    ]


def test_a_transformer_goes_into_the_ensemble_and_is_not_left_out(encoder: Path) -> None:
    member = initialized(build_on_transformer(encoder, bucketed_config))
    assert settings_not_kept([member], NAME) == []


def test_an_ensemble_is_not_trained() -> None:
    joined = make_ensemble([train(initialized(build(CNN)))])
    with pytest.raises(ConfigError, match="an ensemble cannot be trained: train its members"):
        initialized(spacy.util.load_model_from_config(joined.config))


def test_command_writes_the_ensemble(tmp_path: Path) -> None:
    for name, tok2vec in (("a", CNN), ("b", BILSTM)):
        member = train(initialized(build(tok2vec)))
        member.add_pipe("sentencizer")
        member.to_disk(tmp_path / name)
    arguments = ["ensemble", str(tmp_path / "a"), str(tmp_path / "b"), str(tmp_path / "joined")]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    assert "2 models joined" in result.output
    assert "components of member 1: sentencizer; add them anew" in result.output
    assert found_in(spacy.load(tmp_path / "joined")) == GOLD
    again = CliRunner().invoke(app, arguments)
    assert again.exit_code == 1
    assert "joined: already exists. Give --force" in again.output


def english() -> Language:
    nlp = spacy.blank("en")
    nlp.add_pipe(NAME, config=tagger_config(CNN))
    example = Example.from_dict(nlp.make_doc("aspirin daily"), {"entities": [(0, 7, "DRUG")]})
    nlp.initialize(lambda: [example])
    return nlp


def test_ensemble_has_the_tokenizer_of_its_members_and_refuses_unlike_ones() -> None:
    members = [english(), english()]
    own: Any = [nlp.tokenizer for nlp in members]
    own[0].add_special_case("qd", [{ORTH: "q"}, {ORTH: "d"}])
    with pytest.raises(ConfigError, match="1 and 2 have different tokenizers"):
        make_ensemble(members)
    own[1].add_special_case("qd", [{ORTH: "q"}, {ORTH: "d"}])
    assert [token.text for token in make_ensemble(members).make_doc("aspirin qd")][1:] == ["q", "d"]
