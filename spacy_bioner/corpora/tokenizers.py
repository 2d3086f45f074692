"""spaCy's tokenizers by themselves, without what pipelines need beside them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import spacy
from spacy.language import Language
from spacy.util import registry

from spacy_bioner.corpora.docbin import TokenSource
from spacy_bioner.errors import ConfigError, in_one_line

_ALPHANUMERIC = {"@tokenizers": "spacy_bioner.AlphanumericTokenizer.v1"}


def blank_pipeline(lang: str, tokens: TokenSource = "auto") -> Language:
    """An empty pipeline of a language. Raises ConfigError for one that spaCy has not.

    tokens: "alphanumeric" for its tokenizer; others leave that of the language.
    """
    config = {"nlp": {"tokenizer": _ALPHANUMERIC}} if tokens == "alphanumeric" else {}
    try:
        with no_other_factories():
            return spacy.blank(lang, config=config)
    except ImportError as error:
        if "E048" in str(error):  # spaCy has no module for it
            hint = "spaCy knows no such language; try zh or en"
        else:  # it has, and that needs another package
            hint = in_one_line(error)
        raise ConfigError(f"--lang {lang}: {hint}") from None


@contextmanager
def no_other_factories() -> Iterator[None]:
    """Let spaCy make an empty pipeline without importing the components of all packages.

    It does so for every Language (`Language.__init__`); with spacy-transformers installed
    that takes seconds and 165 MB, for a tokenizer that needs none of it.
    """
    factories = registry._entry_point_factories
    before, factories.entry_points = factories.entry_points, False
    try:
        yield
    finally:
        factories.entry_points = before
