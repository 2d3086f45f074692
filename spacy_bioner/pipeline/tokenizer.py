"""Tokenizers: that of [nlp] lang, so that one config serves any language, and a finer one."""

import re
from collections.abc import Callable
from typing import Any

from spacy.lang.zh import ChineseTokenizer, Segmenter
from spacy.language import Language
from spacy.tokens import Doc
from spacy.util import DummyTokenizer, registry
from spacy.vocab import Vocab

# A character with the space after it, or what spaces there are beside such.
_CHARACTER = re.compile(r"\S ?|\s+")
# The same of a run of letters (with the marks over them) and digits, or of any other character.
_RUN = re.compile(r"(?:[^\W_][\u0300-\u036f]*)+ ?|\S ?|\s+")


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
        return _doc(self.vocab, _CHARACTER.findall(text))


def build_alphanumeric_tokenizer() -> Callable[[Language], Any]:
    """Registered as `spacy_bioner.AlphanumericTokenizer.v1`, for `[nlp.tokenizer]`.

    For biomedical text of languages that put blanks between words, where names stand next to
    brackets, hyphens and signs in ways that rules of general language do not foresee: see
    `AlphanumericTokenizer`.
    """
    return lambda nlp: AlphanumericTokenizer(nlp.vocab)


class AlphanumericTokenizer(DummyTokenizer):  # type: ignore[misc]
    """A token is a run of letters and digits, or one other character: `5`, `-`, `HT`, `)`.

    So a mention can begin and end wherever a name does, inside `METH)-induced` or `[3H]spiperone`
    too. The vocabulary is its only state.
    """

    def __init__(self, vocab: Vocab) -> None:
        self.vocab = vocab

    def __call__(self, text: str) -> Doc:
        return _doc(self.vocab, _RUN.findall(text))


def _doc(vocab: Vocab, parts: list[str]) -> Doc:
    """Of parts that are a token and the blank after it, if there is one, or white space alone."""
    are_words = [not part.isspace() for part in parts]
    spaces = [is_word and p[-1] == " " for p, is_word in zip(parts, are_words, strict=True)]
    words = [p[:-1] if has_space else p for p, has_space in zip(parts, spaces, strict=True)]
    return Doc(vocab, words=words, spaces=spaces)
