"""A tokenizer setting that follows [nlp] lang, so that one config serves any language."""

from collections.abc import Callable
from typing import Any

from spacy.language import Language
from spacy.util import registry


def build_language_tokenizer() -> Callable[[Language], Any]:
    """Registered as `spacy_bioner.LanguageTokenizer.v1`.

    The tokenizer that spaCy gives a blank pipeline of the language: for zh
    each character is a token, for en spaCy's rules.
    """
    return tokenizer_of_language


def tokenizer_of_language(nlp: Language) -> Any:
    settings = nlp.default_config["nlp"]["tokenizer"]
    return registry.resolve({"tokenizer": settings})["tokenizer"](nlp)
