"""A check of the encoder before spaCy loads it, with a message that helps."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from spacy_bioner.architectures import transformers_in
from spacy_bioner.encoders.directory import check_encoder_directory


def build_check_encoder() -> Callable[[Any], None]:
    """Registered as `spacy_bioner.check_encoder.v1`, for [initialize] before_init.

    Raises EncoderError if a transformer of the pipeline is to be loaded from a
    directory that is missing or incomplete. Names of a model hub are left alone.
    """
    return check_encoders


def check_encoders(nlp: Any) -> None:
    for _, model in transformers_in(nlp.config.interpolate()["components"], "components"):
        if "name" in model and is_local(model["name"]):
            check_encoder_directory(Path(model["name"]))


def is_local(name: str) -> bool:
    """Whether a name is meant as a path and not as `name` or `owner/name` of a hub."""
    path = Path(name)
    if path.exists() or path.is_absolute() or name.startswith((".", "~")):
        return True
    return len(path.parts) > 2 or (len(path.parts) == 2 and Path(path.parts[0]).is_dir())
