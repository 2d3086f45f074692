"""Trained pipelines as commands load them, and where they may write new ones."""

from pathlib import Path

from spacy.language import Language

from spacy_bioner.directories import check_may_stand
from spacy_bioner.errors import BionerError, ConfigError, in_one_line


def load_pipeline(model: Path, gpu_id: int) -> Language:
    """The pipeline in a folder or package.

    Raises ConfigError if it cannot be loaded, or there is no such GPU.
    """
    import spacy

    if gpu_id >= 0:
        try:
            spacy.require_gpu(gpu_id)
        except ValueError as error:
            raise ConfigError(f"--gpu-id {gpu_id}: {error}") from None
    try:
        return spacy.load(model if model.exists() else str(model))
    except BionerError:
        raise
    except OSError as error:
        first = str(error).splitlines()[0]
        raise ConfigError(f"{model}: no pipeline to load ({first})") from None
    except Exception as error:  # of spaCy, numpy, msgpack and torch each has its own
        raise ConfigError(
            f"{model}: cannot be loaded, for a setting or a damaged file ({in_one_line(error)})"
        ) from None


def check_gpu(gpu_id: int) -> None:
    """Raise ConfigError if there is no GPU to use. Begins no work on it, unlike spaCy's check."""
    from thinc.util import has_gpu

    if gpu_id >= 0 and not has_gpu:
        raise ConfigError(f"--gpu-id {gpu_id}: torch finds no GPU here. Leave it out for the CPU.")


def check_new_pipeline(out: Path, force: bool) -> None:
    """Raise where a pipeline cannot be written: with force it replaces a pipeline, and no more.

    Raises OutputExistsError for a pipeline without force, ConfigError for other things.
    """
    check_may_stand(out, "a pipeline", _is_pipeline, force=force)


def _is_pipeline(path: Path) -> bool:
    return all((path / name).is_file() for name in ("config.cfg", "meta.json"))
