"""Encoder directories: checks one that is there, and what a new one would replace."""

from __future__ import annotations

from pathlib import Path

from spacy_bioner.directories import check_may_stand
from spacy_bioner.errors import EncoderError

_CONFIG = "config.json"
_WEIGHTS = (
    "model.safetensors",
    "pytorch_model.bin",
    "model.safetensors.index.json",
    "pytorch_model.bin.index.json",
)
_TOKENIZERS = (
    "tokenizer.json",
    "vocab.txt",
    "vocab.json",
    "spiece.model",
    "spm.model",
    "sentencepiece.bpe.model",
)
_ADVICE = (
    "Make one with `spacy bioner pretrain-encoder` or `spacy bioner make-encoder`, or give "
    "the path of another."
)


def check_encoder_directory(path: Path) -> None:
    """Check that `path` is a Hugging Face directory with all that an encoder needs.

    Raises EncoderError if it is missing or lacks its config, weights or tokenizer.
    """
    if not path.exists():
        raise EncoderError(f"{path}: there is no such encoder directory. {_ADVICE}")
    if not path.is_dir():
        raise EncoderError(f"{path}: is not a directory, so not an encoder. {_ADVICE}")
    if missing := _lacks(path):
        raise EncoderError(f"{path}: this encoder directory lacks {missing}. {_ADVICE}")


def _lacks(path: Path) -> str | None:
    """What a directory lacks to be an encoder, the first thing of it."""
    needed = {
        _CONFIG: (_CONFIG,),
        "weights (model.safetensors)": _WEIGHTS,
        "a tokenizer (tokenizer.json)": _TOKENIZERS,
    }
    for what, names in needed.items():
        if not any((path / name).is_file() for name in names):
            return what
    return None


def check_may_write(out: Path, *, force: bool) -> None:
    """Check that an encoder may be written at `out`.

    Raises OutputExistsError for an encoder there without `force`, ConfigError for other things.
    """
    check_may_stand(out, "an encoder", lambda path: not _lacks(path), force=force)
