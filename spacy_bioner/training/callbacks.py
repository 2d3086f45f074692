"""What training does at its edges."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from spacy.language import Language

_TRANSFORMERS = (
    "spacy-transformers.TransformerModel",
    "spacy-transformers.Tok2VecTransformer",
    "spacy_bioner.BucketedTransformer",
    "spacy_bioner.BucketedTok2Vec",
)


def build_scrub_encoder_path() -> Callable[[Language], Language]:
    """Registered as `spacy_bioner.scrub_encoder_path.v1`, for [training] before_to_disk.

    Replaces the path of a local encoder in the saved config by its last part: the
    saved pipeline holds the encoder's weights and loads without that directory.
    """
    return scrub_encoder_paths


def scrub_encoder_paths(nlp: Language) -> Language:
    for name in nlp.component_names:
        for model in _transformers_in(nlp.get_pipe_config(name)):
            model["name"] = _last_part(str(model["name"]))
    paths = nlp.config.get("paths", {})
    if paths.get("encoder"):
        paths["encoder"] = _last_part(str(paths["encoder"]))
    return nlp


def _transformers_in(settings: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The settings of transformers, also of those in a tagger that listens to none any more."""
    if str(settings.get("@architectures", "")).startswith(_TRANSFORMERS) and "name" in settings:
        yield settings
    for value in settings.values():
        if isinstance(value, dict):
            yield from _transformers_in(value)


def _last_part(name: str) -> str:
    """Of a path that is absolute or relative to here; a hub's `owner/name` is left alone."""
    path = Path(name)
    is_local = path.is_absolute() or len(path.parts) > 2 or name.startswith(".") or path.is_dir()
    return path.name if is_local else name
