"""What kind of script a character is of, judged by Python's own tables."""

from __future__ import annotations

import re
from functools import cache

_HAN = re.compile("[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")
# Thai, Lao, Tibetan, Burmese, Khmer, kana and Han: words follow one another without blanks.
_WITHOUT_BLANKS = re.compile(
    "[\u0e00-\u0fff\u1000-\u109f\u1780-\u17ff\u3005-\u30ff"
    "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]"
)


def has_han(text: str) -> bool:
    return _HAN.search(text) is not None


@cache
def is_han(character: str) -> bool:
    return _HAN.match(character) is not None


@cache
def is_of_word(character: str) -> bool:
    """Whether it is a letter or digit of a script with blanks between words."""
    return character.isalnum() and not _WITHOUT_BLANKS.match(character)


@cache
def is_simplified_only(character: str) -> bool:
    """Whether GB 2312, the mainland's standard set, has a Han character that Big5 lacks."""
    return is_han(character) and _is_in("gb2312", character) and not _is_in("big5", character)


@cache
def is_traditional_only(character: str) -> bool:
    """Whether Big5, Taiwan's standard set, has a Han character that GB 2312 lacks."""
    return is_han(character) and _is_in("big5", character) and not _is_in("gb2312", character)


def _is_in(encoding: str, character: str) -> bool:
    try:
        character.encode(encoding)
    except UnicodeEncodeError:
        return False
    return True
