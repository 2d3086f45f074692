"""The language and the direction of the texts that a page shows."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

from spacy_bioner.corpora.checks.scripts import is_simplified_only, is_traditional_only

_SCRIPTS = {
    "HIRAGANA": "ja",
    "KATAKANA": "ja",
    "HANGUL": "ko",
    "CJK": "zh",
    "HEBREW": "he",
    "ARABIC": "ar",
    "THAI": "th",
    "CYRILLIC": "ru",
    "GREEK": "el",
    "DEVANAGARI": "hi",
}
_KANA = 0.02  # share of kana from which a text is Japanese; Chinese ones may hold some
_ENOUGH = 20_000  # characters to judge a language by


class TextStyle(NamedTuple):
    """language: for the HTML attribute lang, as zh-Hant. direction: ltr or rtl."""

    language: str
    direction: str


def text_style(texts: Iterable[str], language: str = "auto") -> TextStyle:
    """How to mark texts up, so that a browser takes the right fonts and writes the right way.

    language: "auto" judges it by the scripts; "zh" becomes zh-Hant or zh-Hans.
    Of a script that several languages write, such as Latin or Arabic, the most common is
    taken, and English for Latin.
    """
    characters = Counter[str]()
    for text in texts:
        characters.update(text)
        if characters.total() > _ENOUGH:
            break
    if language == "auto":
        language = _language(characters)
    if language == "zh":
        language = _chinese(characters)
    return TextStyle(language, _direction(characters))


def _direction(characters: Counter[str]) -> str:
    """Whether most letters are of a script written from right to left."""
    kinds = Counter[str]()
    for character, count in characters.items():
        kinds[unicodedata.bidirectional(character)] += count
    return "rtl" if kinds["R"] + kinds["AL"] > kinds["L"] else "ltr"


def _language(characters: Counter[str]) -> str:
    found = Counter[str]()
    for character, count in characters.items():
        if character.isalpha():
            script = unicodedata.name(character, "").split(" ")[0].split("-")[0]
            found[_SCRIPTS.get(script, "en")] += count
    east = found["ja"] + found["zh"]
    if found["ja"] > _KANA * east and east > found["en"]:
        return "ja"
    return found.most_common(1)[0][0] if found else "en"


def _chinese(characters: Counter[str]) -> str:
    traditional = sum(n for c, n in characters.items() if is_traditional_only(c))
    simplified = sum(n for c, n in characters.items() if is_simplified_only(c))
    return "zh-Hans" if simplified > traditional else "zh-Hant"
