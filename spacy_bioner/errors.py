"""The errors that users meet. Each message says what is wrong, where, and what to do."""

from __future__ import annotations

from pathlib import Path


class BionerError(ValueError):
    """Base of all errors that this package raises on purpose."""


class CorpusError(BionerError):
    """A corpus file that cannot be read as what it is said to be.

    path: the file; line: its line, counted from 1, where there is one.
    """

    def __init__(self, message: str, path: Path | str, line: int | None = None) -> None:
        self.path = Path(path)
        self.line = line
        where = f"{path}:{line}" if line is not None else str(path)
        super().__init__(f"{where}: {message}")


class OutputExistsError(BionerError):
    """An output that would be overwritten without the user's word."""

    def __init__(self, path: Path | str) -> None:
        super().__init__(f"{path}: already exists. Give --force to overwrite it.")


class LabelError(BionerError):
    """An entity label or a tag that the tag scheme or the model does not know."""


class ConfigError(BionerError):
    """A setting, or a combination of settings, that cannot work."""


class EncoderError(BionerError):
    """A transformer encoder that is missing, incomplete or of a wrong form."""


class LexiconError(BionerError):
    """A word list that is empty, or that cannot be searched for."""


class VectorsError(BionerError):
    """Vectors that cannot be made, or that are missing or of a wrong form."""


def in_one_line(error: Exception) -> str:
    """Of an error, as of a config, the title and the setting, which stand on lines of their own."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return " ".join(lines[:3]) or type(error).__name__
