from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from spacy_bioner.encoders.directory import check_encoder_directory
from spacy_bioner.encoders.make_encoder import EncoderSummary
from spacy_bioner.errors import EncoderError


def test_check_encoder_directory_accepts_what_make_encoder_makes(
    summary: EncoderSummary,
) -> None:
    check_encoder_directory(summary.path)


@pytest.mark.parametrize(
    ("removed", "message"),
    [
        (("config.json",), "lacks config.json"),
        (("model.safetensors",), "lacks weights"),
        (("tokenizer.json", "vocab.txt"), "lacks a tokenizer"),
    ],
)
def test_check_encoder_directory_names_what_is_lacking(
    summary: EncoderSummary, tmp_path: Path, removed: tuple[str, ...], message: str
) -> None:
    copy = shutil.copytree(summary.path, tmp_path / "copy")
    for name in removed:
        (copy / name).unlink(missing_ok=True)
    with pytest.raises(EncoderError, match=message):
        check_encoder_directory(copy)


def test_check_encoder_directory_refuses_a_missing_directory(tmp_path: Path) -> None:
    with pytest.raises(EncoderError, match="no such encoder directory"):
        check_encoder_directory(tmp_path / "nowhere")


def test_check_encoder_directory_refuses_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(EncoderError, match="is not a directory"):
        check_encoder_directory(tmp_path / "file")


def test_check_encoder_directory_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(EncoderError, match="spacy bioner make-encoder"):
        check_encoder_directory(tmp_path / "nowhere")
