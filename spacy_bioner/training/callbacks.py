"""What training does at its edges."""

from collections.abc import Callable
from pathlib import Path

from spacy.language import Language

from spacy_bioner.architectures import transformers_in


def build_scrub_encoder_path() -> Callable[[Language], Language]:
    """Registered as `spacy_bioner.scrub_encoder_path.v1`, for [training] before_to_disk.

    Replaces the path of a local encoder in the saved config by its last part: the
    saved pipeline holds the encoder's weights and loads without that directory.
    """
    return scrub_encoder_paths


def scrub_encoder_paths(nlp: Language) -> Language:
    for name in nlp.component_names:
        for _, model in transformers_in(nlp.get_pipe_config(name), name):
            if "name" in model:
                model["name"] = _last_part(str(model["name"]))
    paths = nlp.config.get("paths", {})
    if paths.get("encoder"):
        paths["encoder"] = _last_part(str(paths["encoder"]))
    return nlp


def _last_part(name: str) -> str:
    """Of a path that is absolute or relative to here; a hub's `owner/name` is left alone."""
    path = Path(name)
    is_local = path.is_absolute() or len(path.parts) > 2 or name.startswith(".") or path.is_dir()
    return path.name if is_local else name
