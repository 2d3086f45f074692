"""A tokenizer setting that follows [nlp] lang, so that one config serves any language."""

import re
from collections.abc import Callable
from typing import Any

from spacy.lang.zh import ChineseTokenizer, Segmenter
from spacy.language import Language
from spacy.tokens import Doc
from spacy.util import registry

# A character with the space after it, or what spaces there are beside such.
_CHARACTER = re.compile(r"\S ?|\s+")


def build_language_tokenizer() -> Callable[[Language], Any]:
    """Registered as `spacy_bioner.LanguageTokenizer.v1`.

    The tokens are those that spaCy gives a blank pipeline of the language: for zh
    each character is one, for en spaCy's rules decide.
    """
    return tokenizer_of_language


def tokenizer_of_language(nlp: Language) -> Any:
    settings = nlp.default_config["nlp"]["tokenizer"]
    tokenizer = registry.resolve({"tokenizer": settings})["tokenizer"](nlp)
    if type(tokenizer) is ChineseTokenizer and tokenizer.segmenter == Segmenter.char:
        return CharacterTokenizer(nlp.vocab, segmenter=Segmenter.char)
    return tokenizer


class CharacterTokenizer(ChineseTokenizer):  # type: ignore[misc]
    """spaCy's, in time that grows with the length of a text: spaCy's own grows with its square."""

    def __call__(self, text: str) -> Doc:
        if self.segmenter != Segmenter.char:  # as one read from disk may have it
            return super().__call__(text)
        if text.split() == [text]:
            return Doc(self.vocab, words=list(text), spaces=[False] * len(text))
        parts = _CHARACTER.findall(text)
        are_words = [not part.isspace() for part in parts]
        words = [p[0] if is_word else p for p, is_word in zip(parts, are_words, strict=True)]
        spaces = [is_word and len(p) == 2 for p, is_word in zip(parts, are_words, strict=True)]
        return Doc(self.vocab, words=words, spaces=spaces)
