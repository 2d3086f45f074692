"""Tag strings, one a token, turned into entities, with every slip repaired by rule.

Tags are O, B-<type> and I-<type>. They are read as conlleval reads them: an I- tag
that continues nothing (it stands first, after O, or after another type) starts an
entity (https://www.clips.uantwerpen.be/conll2000/chunking/output.html).

These slips are repaired, and each repair is recorded:

- a prefix in lower case: ``i-CHEM`` is read as ``I-CHEM``, ``o`` as ``O``; the case of
  the type is kept, for ``Gene`` and ``GENE`` may be two types;
- O with a type: ``O-SYMP`` is read as ``O``;
- an I- tag that continues nothing is read as B-;
- a line without a token is read as a blank with that tag.

Any other tag is an error.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Literal, NamedTuple

from spacy_bioner.corpora.document import Entity, Offsets
from spacy_bioner.corpora.reading_log import FileLog
from spacy_bioner.corpora.text_lines import LineError

Joiner = Literal["auto", "", " "]

_OTHER_SCHEMES = "ESLUMW"  # prefixes that BIO has not
_SHARED = 256  # characters of sentences that share their offsets: some 4 MB in all
JOINER_LINES = 1000  # as many lines decide how tokens are joined
_TAG = re.compile(r"([Oo])(?:-\S+)?|([A-Za-z])-(\S+)")


class Tag(NamedTuple):
    """A tag: prefix O, B, I or another; label "" for O; the slip that was repaired, or ""."""

    prefix: str
    label: str
    slip: str

    def __str__(self) -> str:
        return f"{self.prefix}-{self.label}" if self.label else self.prefix


@lru_cache(maxsize=4096)
def parse_tag(tag: str, prefixes: str = "BI") -> Tag | None:
    """Read one tag by the rules of this module; None if no rule fits.

    prefixes: those that a tag with a type may have.
    """
    match = _TAG.fullmatch(tag)
    if match is None:
        return None
    outside, prefix, label = match.groups()
    if outside:
        slip = "O has no type" if len(tag) > 1 else "" if tag == "O" else "prefix in lower case"
        return Tag("O", "", slip)
    if prefix.upper() not in prefixes:
        return None
    return Tag(prefix.upper(), label, "prefix in lower case" if prefix.islower() else "")


def entities_from_tags(
    tags: Sequence[str], tokens: Sequence[tuple[int, int]], lines: Sequence[int], log: FileLog
) -> tuple[Entity, ...]:
    """Entities of one sentence in character offsets.

    tags, tokens ((start, end) in characters) and lines (where the tag stands) go
    together one to one. Raises CorpusError for a tag that cannot be read and, if the
    log is strict, for a slip.
    """
    runs: list[tuple[int, str]] = []  # first token and label of each entity
    ends: list[int] = []  # last token of each entity
    previous = ""
    for index, text in enumerate(tags):
        if text == "O":
            previous = ""
            continue
        tag = _read_tag(text, index, lines[index], previous, log)
        previous = tag.label
        if tag.prefix == "B":
            runs.append((index, tag.label))
            ends.append(index)
        elif tag.prefix == "I":
            ends[-1] = index
    return tuple(
        Entity(tokens[first][0], tokens[last][1], label)
        for (first, label), last in zip(runs, ends, strict=True)
    )


def _read_tag(text: str, index: int, line: int, previous: str, log: FileLog) -> Tag:
    """The tag as it is to be read after a token with the type `previous`."""
    tag = parse_tag(text)
    if tag is None:
        other = ", or read columns of another tag scheme with --format conll"
        raise log.error(
            f"tag {text!r} of token {index + 1} is not O, B-<type> or I-<type>. Correct it"
            f"{other if parse_tag(text, _OTHER_SCHEMES) else ''}.",
            line,
        )
    reasons = [tag.slip] if tag.slip else []
    if tag.prefix == "I" and tag.label != previous:
        tag = Tag("B", tag.label, "")
        reasons.append("continues no entity of its type")
    if reasons:
        log.repair(line, text, str(tag), f"{', '.join(reasons)} (token {index + 1})")
    return tag


@lru_cache(maxsize=65536)
def split_line(line: str) -> tuple[str, str] | None:
    """Split a line into token and tag; None for a line that ends a sentence.

    The tag is what follows the last space or tab; a line of spaces and tabs only ends
    a sentence. The token may itself be a blank (two spaces, O), and is "" where the
    line begins with its only separator. Raises LineError if there is no tag, or if
    there are more than two columns.
    """
    body = line.rstrip(" \t\r\n")
    if not body:
        return None
    at = max(body.rfind(" "), body.rfind("\t"))
    if at < 0:
        raise LineError(f"no tag after {body!r}. Write the token, a space or tab, and its tag.")
    token, separator, tag = body[:at], body[at], body[at + 1 :]
    if len(token) > 1:
        token = token.rstrip(" \t") or token[0]
        blanks = " \t" if separator == " " else "\t"
        if len(token) > 1 and any(blank in token for blank in blanks):
            raise LineError(
                "more than two columns. Keep the token and its tag only, or read the file with "
                "--format conll."
            )
    return token, tag


def unit_offsets(units: Sequence[str], joiner: str = "") -> Offsets:
    """Where units (none empty) stand, in characters, in ``joiner.join(units)``."""
    if len(units) <= _SHARED and not joiner and sum(map(len, units)) == len(units):
        return _character_offsets(len(units))
    offsets, position = [], 0
    for unit in units:
        offsets.append((position, position + len(unit)))
        position += len(unit) + len(joiner)
    return tuple(offsets)


@lru_cache(maxsize=_SHARED + 1)
def _character_offsets(n: int) -> Offsets:
    # Shared by all sentences of n characters: the offsets of a corpus then cost no memory.
    return tuple(zip(range(n), range(1, n + 1), strict=True))


def guess_joiner(tokens: Sequence[str]) -> Literal["", " "]:
    """What stands between two tokens in the text, judged by the first tokens of a file.

    A blank, if more of them are words (two characters or more, not beginning with a
    Han character or kana) than Han characters or kana; else nothing.
    """
    han = sum(map(_is_han_or_kana, tokens))
    words = sum(len(token) > 1 and not _is_han_or_kana(token) for token in tokens)
    return " " if words > han else ""


def _is_han_or_kana(token: str) -> bool:
    return "\u3040" <= token[:1] <= "\u9fff" or "\U00020000" <= token[:1] <= "\U0003ffff"
