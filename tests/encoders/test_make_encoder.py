from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from transformers import AutoModel, AutoTokenizer, PreTrainedModel, PreTrainedTokenizerFast

from spacy_bioner.encoders.make_encoder import EncoderSummary, make_encoder
from spacy_bioner.errors import ConfigError, EncoderError, OutputExistsError

Make = Callable[..., EncoderSummary]


def files_of(directory: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in directory.iterdir()}


@pytest.fixture
def tokenizer(summary: EncoderSummary) -> PreTrainedTokenizerFast:
    return AutoTokenizer.from_pretrained(summary.path)


@pytest.fixture
def model(summary: EncoderSummary) -> PreTrainedModel:
    return AutoModel.from_pretrained(summary.path).eval()


def test_make_encoder_writes_no_file_more_or_less(summary: EncoderSummary) -> None:
    expected = {
        "README.md",
        "config.json",
        "model.safetensors",
        "special_tokens_map.json",
        "tokenizer.json",
        "tokenizer_config.json",
    }
    if summary.architecture == "bert":
        expected.add("vocab.txt")
    assert set(files_of(summary.path)) == expected


def test_make_encoder_files_are_all_as_readable_as_each_other(summary: EncoderSummary) -> None:
    assert len({path.stat().st_mode for path in summary.path.iterdir()}) == 1


def test_make_encoder_model_runs_on_its_tokenizer(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerFast
) -> None:
    inputs = tokenizer(["病人服用 metformin", "血糖"], padding=True, return_tensors="pt")
    with torch.no_grad():
        output = model(**inputs).last_hidden_state
    assert output.shape == (*inputs["input_ids"].shape, 16)
    assert torch.isfinite(output).all()


def test_make_encoder_model_loads_all_its_weights(summary: EncoderSummary) -> None:
    _, report = AutoModel.from_pretrained(summary.path, output_loading_info=True)
    assert report["missing_keys"] == report["unexpected_keys"] == []


def test_make_encoder_summary_counts_the_parameters(
    summary: EncoderSummary, model: PreTrainedModel
) -> None:
    assert summary.parameters == sum(weights.numel() for weights in model.parameters())


def test_make_encoder_summary_counts_tokens_and_texts(
    summary: EncoderSummary, tokenizer: PreTrainedTokenizerFast, texts: list[str]
) -> None:
    assert summary.vocab_size == len(tokenizer)
    assert (summary.texts, summary.characters_left_out) == (len(texts), 0)


def test_make_encoder_tokenizer_is_fast_and_knows_its_length(
    tokenizer: PreTrainedTokenizerFast,
) -> None:
    assert (tokenizer.is_fast, tokenizer.model_max_length) == (True, 32)


def test_make_encoder_config_has_the_special_ids_of_the_tokenizer(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerFast
) -> None:
    assert model.config.pad_token_id == tokenizer.pad_token_id
    if model.config.model_type != "bert":
        assert model.config.bos_token_id == tokenizer.bos_token_id
        assert model.config.eos_token_id == tokenizer.eos_token_id


def test_make_encoder_tokenizer_surrounds_texts_with_special_tokens(
    tokenizer: PreTrainedTokenizerFast,
) -> None:
    assert tokenizer.convert_ids_to_tokens(tokenizer("病")["input_ids"]) == [
        tokenizer.cls_token,
        "病",
        tokenizer.sep_token,
    ]


def test_make_encoder_tokenizer_gives_each_chinese_character_one_token(
    tokenizer: PreTrainedTokenizerFast, texts: list[str]
) -> None:
    for text in texts:
        characters = [character for character in text if ord(character) >= 0x2E80]
        assert tokenizer.tokenize("".join(characters)) == characters


@pytest.mark.parametrize(
    "text",
    [
        "Metformin500mg與COVID-19",
        "α-Tocopherol",
        "ＨＢＡ１Ｃ（％）",
        "Xyzzy®20µg/m²",
        "A" * 900,
    ],
)
def test_make_encoder_tokenizer_knows_drug_names_it_never_saw(
    tokenizer: PreTrainedTokenizerFast, text: str
) -> None:
    assert tokenizer.unk_token not in tokenizer.tokenize(text)


def test_make_encoder_tokenizer_learns_frequent_words(
    tokenizer: PreTrainedTokenizerFast,
) -> None:
    assert tokenizer.tokenize("metformin aspirin") == ["metformin", "aspirin"]


def test_make_encoder_tokenizer_keeps_case_and_accents(
    tokenizer: PreTrainedTokenizerFast,
) -> None:
    assert tokenizer.decode(tokenizer("Sjögren", add_special_tokens=False)["input_ids"]) == (
        "Sjögren"
    )


def test_make_encoder_model_takes_its_longest_input(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerFast
) -> None:
    inputs = tokenizer("糖" * 100, truncation=True, return_tensors="pt")
    assert inputs["input_ids"].shape == (1, 32)
    assert model(**inputs).last_hidden_state.shape == (1, 32, 16)


def test_make_encoder_splits_the_layers_of_bart(tmp_path: Path, make_small: Make) -> None:
    make_small(tmp_path / "out", architecture="bart", layers=4)
    model = AutoModel.from_pretrained(tmp_path / "out")
    assert (len(model.encoder.layers), len(model.decoder.layers)) == (2, 2)


def test_make_encoder_feed_forward_is_four_times_the_width_or_twice_and_a_gate(
    model: PreTrainedModel,
) -> None:
    bart = model.config.model_type == "bart"
    name = "encoder_ffn_dim" if bart else "intermediate_size"
    assert getattr(model.config, name) == (32 if model.config.model_type == "modernbert" else 64)


def test_make_encoder_writes_equal_files_for_equal_input(
    summary: EncoderSummary, tmp_path: Path, make_small: Make
) -> None:
    settings = {"architecture": summary.architecture, "sources": ["a corpus"]}
    make_small(tmp_path / "again", **settings)
    assert files_of(tmp_path / "again") == files_of(summary.path)


def test_make_encoder_writes_equal_files_in_another_process(
    tmp_path: Path, texts: list[str]
) -> None:
    many = [f"{a}{b}tine {b}{a}ol" for a in "abcdefgh" for b in "klmnopqr"] + texts
    settings = {"layers": 1, "width": 4, "heads": 1}
    make_encoder(many, tmp_path / "here", **settings)
    program = (
        "from pathlib import Path\n"
        "from spacy_bioner.encoders.make_encoder import make_encoder\n"
        f"make_encoder({many!r}, Path({str(tmp_path / 'there')!r}), **{settings!r})"
    )
    subprocess.run([sys.executable, "-c", program], check=True, cwd=Path.cwd())
    assert files_of(tmp_path / "here") == files_of(tmp_path / "there")


def test_make_encoder_weights_follow_the_seed(
    summary: EncoderSummary, tmp_path: Path, make_small: Make
) -> None:
    make_small(tmp_path / "out", architecture=summary.architecture, seed=1)
    name = "model.safetensors"
    assert (tmp_path / "out" / name).read_bytes() != (summary.path / name).read_bytes()


def test_make_encoder_leaves_the_random_state_alone(tmp_path: Path, make_small: Make) -> None:
    before = torch.get_rng_state()
    make_small(tmp_path / "out")
    assert torch.equal(before, torch.get_rng_state())


def test_make_encoder_card_says_untrained_and_from_what(summary: EncoderSummary) -> None:
    card = (summary.path / "README.md").read_text(encoding="utf-8")
    assert "**This encoder is untrained.**" in card
    assert "- a corpus" in card
    assert f"| parameters | {summary.parameters} |" in card


def test_make_encoder_reads_the_texts_once(tmp_path: Path, texts: list[str]) -> None:
    summary = make_encoder(iter(texts), tmp_path / "out", layers=1, width=4, heads=1)
    assert summary.texts == len(texts)


def test_make_encoder_refuses_to_overwrite(tmp_path: Path, make_small: Make) -> None:
    (tmp_path / "out").mkdir()
    make_small(tmp_path / "out")
    with pytest.raises(OutputExistsError, match="--force"):
        make_small(tmp_path / "out")


def test_make_encoder_replaces_an_encoder_with_force(tmp_path: Path, make_small: Make) -> None:
    make_small(tmp_path / "out")
    make_small(tmp_path / "out", architecture="roberta", force=True)
    assert not (tmp_path / "out" / "vocab.txt").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_make_encoder_never_replaces_what_is_no_encoder(tmp_path: Path, make_small: Make) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.txt").write_text("years of work")
    (tmp_path / "out" / "config.json").write_text("{}")
    with pytest.raises(ConfigError, match="is not an encoder, so it is not replaced"):
        make_small(tmp_path / "out", force=True)
    assert (tmp_path / "out" / "thesis.txt").exists()


def fail(*_: object, **__: object) -> None:
    raise OSError("no space left on device")


def test_make_encoder_leaves_nothing_behind_when_it_fails(
    tmp_path: Path, make_small: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(PreTrainedModel, "save_pretrained", fail)
    with pytest.raises(OSError, match="no space"):
        make_small(tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_make_encoder_keeps_the_old_one_when_it_fails(
    tmp_path: Path, make_small: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_small(tmp_path / "out")
    before = files_of(tmp_path / "out")
    monkeypatch.setattr(PreTrainedModel, "save_pretrained", fail)
    with pytest.raises(OSError, match="no space"):
        make_small(tmp_path / "out", seed=1, force=True)
    assert files_of(tmp_path / "out") == before
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"texts": []}, "no texts"),
        ({"texts": ["", " \n\u3000"]}, "all 2 texts are empty"),
        ({"texts": ["糖", "a\ud800"]}, "text 2 is not valid Unicode"),
        ({"width": 15}, "width 15 is not divisible by heads 2"),
        ({"architecture": "modernbert", "width": 30}, "width 30 over heads 2 is 15; .* even"),
        ({"seed": 2**32}, "seed is 4294967296"),
        ({"architecture": "bart", "layers": 3}, "even"),
        ({"architecture": "gpt"}, "unknown architecture 'gpt'"),
        ({"layers": 0}, "layers is 0"),
        ({"feed_forward": 0}, "feed_forward is 0"),
        ({"max_length": 2}, "max_length is 2"),
        ({"dropout": 1.0}, "dropout is 1.0"),
        ({"min_frequency": 0}, "min_frequency is 0"),
        ({"vocab_size": 100}, "vocab_size 100 is too small"),
    ],
)
def test_make_encoder_refuses_what_cannot_work(
    tmp_path: Path, make_small: Make, settings: dict[str, object], message: str
) -> None:
    with pytest.raises(EncoderError, match=message):
        make_small(tmp_path / "out", **settings)
    assert list(tmp_path.iterdir()) == []


def test_make_encoder_works_without_spacy(tmp_path: Path) -> None:
    program = (
        "import sys; sys.modules['spacy'] = None\n"
        "from pathlib import Path\n"
        "from spacy_bioner.encoders.make_encoder import make_encoder\n"
        f"make_encoder(['糖'], Path({str(tmp_path / 'out')!r}), layers=1, width=4, heads=1)"
    )
    subprocess.run([sys.executable, "-c", program], check=True, cwd=Path.cwd())
    assert (tmp_path / "out" / "config.json").exists()
