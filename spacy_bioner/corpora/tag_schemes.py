"""Tag schemes: which prefixes mark the tokens of a mention, and how each is read as BIO.

=======  ===========================================  ==========================
scheme   tags of a mention                            also known as
=======  ===========================================  ==========================
BIO      B I I, always with B-                        IOB2
IOB1     I I I; B- only right after another mention
         of the same type
BIOES    B I E; S for a mention of one token          IOBES
BILUO    B I L; U for a mention of one token          BILOU, BIOUL
BMEWO    B M E; W for a mention of one token          BMEOW
BMESO    B M E; S for a mention of one token          BMES
=======  ===========================================  ==========================

A sequence that a scheme does not allow is read as conlleval reads it: a tag that
continues nothing starts a mention, and a mention ends where no tag continues it
(https://www.clips.uantwerpen.be/conll2000/chunking/output.html).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Literal, NoReturn, get_args

from spacy_bioner.corpora.reading_log import FileLog
from spacy_bioner.corpora.tagged import Tag, parse_tag
from spacy_bioner.errors import ConfigError

Scheme = Literal["BIO", "IOB1", "BIOES", "BILUO", "BMEWO", "BMESO"]
SCHEMES: tuple[Scheme, ...] = get_args(Scheme)
# Those that mark a mention's last token. Where no mention of one token tells BMESO from BMEWO,
# it is the former, the common one.
_CLOSING: tuple[Scheme, ...] = ("BIOES", "BILUO", "BMESO", "BMEWO")
DOCUMENT_START = "-DOCSTART-"  # the token of lines that begin a document in CoNLL files

_ALIASES: dict[str, Scheme] = {
    "IOB2": "BIO",
    "IOBES": "BIOES",
    "BILOU": "BILUO",
    "BIOUL": "BILUO",
    "BMEOW": "BMEWO",
    "BMES": "BMESO",
}
# Prefixes of a mention's first, inner and last token, and of its only one.
_PREFIXES: dict[Scheme, str] = {
    "BIO": "BIIB",
    "IOB1": "BIII",
    "BIOES": "BIES",
    "BILUO": "BILU",
    "BMEWO": "BMEW",
    "BMESO": "BMES",
}
_FIRST, _INNER, _LAST, _ONLY = range(4)
_ALL = "BIESLUMW"
_OPEN = "BIM"  # a mention that these tags are part of may go on
_OUTSIDE = Tag("O", "", "")


def scheme_named(name: str) -> Scheme:
    """The scheme of a name, in any case, as BIOES or iobes. Raises ConfigError."""
    for scheme in SCHEMES:
        if scheme == _ALIASES.get(name.upper(), name.upper()):
            return scheme
    raise ConfigError(f"unknown tag scheme {name!r}: use auto or one of {', '.join(SCHEMES)}")


def guess_scheme(tags: Iterable[str]) -> Scheme:
    """The scheme that tags have; any other string, as "", stands between two sentences.

    With tags that end a mention (E-, L-) or are one (S-, U-, W-), at least one to two
    B-: the scheme that knows most of the tags; of equal ones BIOES, BILUO, then BMESO. Else
    IOB1, if there are I- tags, and each B- directly follows its own type; else BIO.
    """
    counts = Counter[str]()
    previous, b_after_other = "", False
    for text in tags:
        tag = parse_tag(text, _ALL) or _OUTSIDE
        counts[tag.prefix] += 1
        b_after_other |= tag.prefix == "B" and tag.label != previous
        previous = tag.label
    closing = sum(counts[prefix] for prefix in "ESLUW")
    if closing and 2 * closing >= counts["B"]:
        return max(_CLOSING, key=lambda s: sum(counts[p] for p in _PREFIXES[s]))
    return "IOB1" if counts["I"] and not b_after_other else "BIO"


def is_tag(text: str) -> bool:
    """Whether a string is a tag of any scheme."""
    return parse_tag(text, _ALL) is not None


def to_bio(tags: Sequence[str], lines: Sequence[int], scheme: Scheme, log: FileLog) -> list[str]:
    """The tags of one sentence in BIO; tags and lines (where each stands) go together.

    Slips (see `spacy_bioner.corpora.tagged`, and a mention that is not ended as its
    scheme ends it) are repaired and noted. Raises CorpusError for a tag that the scheme
    does not have and, if the log is strict, for a slip.
    """
    prefixes = "".join(dict.fromkeys(_PREFIXES[scheme]))
    read = [
        parse_tag(text, prefixes) or _refuse(text, i, lines[i], scheme, log)
        for i, text in enumerate(tags)
    ]
    result = []
    for i, tag in enumerate(read):
        if tags[i] == "O":
            result.append("O")
            continue
        before = read[i - 1] if i else _OUTSIDE
        after = read[i + 1] if i + 1 < len(read) else _OUTSIDE
        starts = not _continues(tag, before)
        proper = tag if not tag.label else _proper(tag, before, starts, after, scheme)
        reasons = [tag.slip] if tag.slip else []
        reasons += _reasons(tag, proper, starts)
        if reasons:
            log.repair(lines[i], tags[i], str(proper), f"{', '.join(reasons)} (token {i + 1})")
        result.append(str(Tag("B" if starts else "I", tag.label, "")) if tag.label else "O")
    return result


def _refuse(text: str, index: int, line: int, scheme: Scheme, log: FileLog) -> NoReturn:
    known = ", ".join(f"{prefix}-<type>" for prefix in dict.fromkeys(_PREFIXES[scheme]))
    raise log.error(
        f"tag {text!r} of token {index + 1} is not one of scheme {scheme}: O, {known}. "
        "Correct it, or name the tag scheme if it is another (scheme=...).",
        line,
    )


def _continues(tag: Tag, before: Tag) -> bool:
    """Whether a token belongs to the mention of the token before it."""
    return tag.prefix in "IMEL" and before.prefix in _OPEN and tag.label == before.label


def _proper(tag: Tag, before: Tag, starts: bool, after: Tag, scheme: Scheme) -> Tag:
    """The tag that the scheme writes for a token of a mention."""
    last = not _continues(after, tag)
    if scheme == "IOB1":
        prefix = "B" if starts and before.label == tag.label else "I"
    else:
        prefix = _PREFIXES[scheme][_place(starts, last)]
    return Tag(prefix, tag.label, "")


def _place(first: bool, last: bool) -> int:
    return (_ONLY if last else _FIRST) if first else (_LAST if last else _INNER)


def _reasons(tag: Tag, proper: Tag, starts: bool) -> Iterator[str]:
    """Why a tag is not the proper one; nothing if it is."""
    if tag.prefix == proper.prefix:
        return
    if tag.prefix in "IMEL" and starts:
        yield "continues no entity of its type"
    elif tag.prefix == "B" and proper.prefix == "I":
        yield "B- is for an entity right after one of its type"
    if tag.prefix in _OPEN and proper.prefix in "ESLUW":
        yield "nothing ends the entity"


def scheme_tags(
    size: int, mentions: Iterable[tuple[int, int, str]], scheme: Scheme = "BIO"
) -> list[str]:
    """Tags of a sentence of `size` tokens.

    mentions: (first token, end token, label), by position and without overlap.
    """
    tags = ["O"] * size
    end_before, label_before = -1, ""
    for start, end, label in mentions:
        for i in range(start, end):
            prefix = _PREFIXES[scheme][_place(i == start, i == end - 1)]
            tags[i] = f"{prefix}-{label}"
        if scheme == "IOB1":
            touching = (start, label) == (end_before, label_before)
            tags[start] = f"{'B' if touching else 'I'}-{label}"
        end_before, label_before = end, label
    return tags
