"""Writes an encoder as a Hugging Face directory that older versions of transformers read too."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spacy_bioner.directories import written_whole
from spacy_bioner.errors import EncoderError, in_one_line

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerFast


def save_encoder(
    out: Path, tokenizer: PreTrainedTokenizerFast, model: PreTrainedModel, card: str
) -> None:
    """Write tokenizer, model and model card, whole or not at all.

    Raises EncoderError or OSError where it cannot be written, as to a full disk.
    """
    with written_whole(out) as directory:
        try:
            tokenizer.save_pretrained(directory)
            model.save_pretrained(directory)
        except OSError:
            raise
        except Exception as error:  # a full disk is to tokenizers and safetensors one of their own
            raise EncoderError(f"{out}: cannot be written ({in_one_line(error)}).") from error
        readme = directory / "README.md"
        readme.write_text(card, encoding="utf-8")
        for weights in directory.glob("*.safetensors"):
            # safetensors lets only the owner read what it writes
            shutil.copymode(readme, weights)
        keep_older_names(directory)


def keep_older_names(directory: Path) -> None:
    """Say in the older words, too, what transformers 5 says in new ones alone.

    spacy-transformers wants transformers 4, which knows no class TokenizersBackend, and which
    reads over `rope_parameters` and takes the angles of rotary positions that are its default.
    """
    _change(directory / "tokenizer_config.json", _older_class)
    _change(directory / "config.json", _older_angles)


def _older_class(config: dict[str, Any]) -> dict[str, Any]:
    is_new = config.get("tokenizer_class") == "TokenizersBackend"
    return {"tokenizer_class": "PreTrainedTokenizerFast"} if is_new else {}


def _older_angles(config: dict[str, Any]) -> dict[str, Any]:
    kinds = {"full_attention": "global_rope_theta", "sliding_attention": "local_rope_theta"}
    angles = config.get("rope_parameters") or {}
    return {
        name: angles[kind]["rope_theta"]
        for kind, name in kinds.items()
        if kind in angles and name not in config
    }


def _change(path: Path, changes: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    config = json.loads(path.read_text(encoding="utf-8"))
    if changed := changes(config):
        text = json.dumps(config | changed, indent=2, ensure_ascii=False, sort_keys=True)
        path.write_text(text + "\n", encoding="utf-8")
