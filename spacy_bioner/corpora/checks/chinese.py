"""Chinese text: which script, and which width. Nothing is converted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from unicodedata import decomposition, east_asian_width

from spacy_bioner.corpora.checks.findings import Finding, FindingKind, Severity, printable
from spacy_bioner.corpora.checks.scripts import is_han, is_simplified_only, is_traditional_only
from spacy_bioner.corpora.document import Document

_ENOUGH = 20  # characters to speak of a share
_MIXED = 0.1
_SIZEABLE = 0.1


def _full_width() -> dict[str, str]:
    """Full-width characters with their half-width ones, without the ideographic space."""
    characters = map(chr, range(0xFF01, 0xFFE7))
    return {
        c: chr(int(decomposition(c).removeprefix("<wide>"), 16))
        for c in characters
        if east_asian_width(c) == "F" and decomposition(c).startswith("<wide>")
    }


FULL_WIDTH = _full_width()


@dataclass(frozen=True, slots=True)
class _Share:
    count: int
    of: int

    @property
    def share(self) -> float:
        return self.count / self.of

    def __str__(self) -> str:
        return f"{self.count:,} of {self.of:,}, {self.share:.1%}"


@dataclass(slots=True)
class ChineseText:
    """Counts characters of the parts that have Han characters.

    A Han character is taken for simplified only if GB 2312 has it and Big5 has not, for
    traditional only if it is the other way round. This is a proxy: characters that one
    standard forgot (酶 in Big5, 妳 in GB 2312) are taken for the other script, and those
    that both have (体, 後) for neither. Shares are told well by it,
    single characters are not.

    Full width: characters whose East Asian width is F and which decompose to <wide>.
    """

    _characters: dict[str, Counter[str]] = field(default_factory=dict)

    def add(self, part: str, document: Document) -> None:
        self._characters.setdefault(part, Counter()).update(document.text)

    def findings(self) -> Iterator[Finding]:
        parts = {
            printable(part): counts
            for part, counts in self._characters.items()
            if any(map(is_han, counts))
        }
        yield from _scripts(parts)
        yield from _widths(parts)


def _scripts(parts: Mapping[str, Counter[str]]) -> Iterator[Finding]:
    simplified: dict[str, _Share] = {}
    for part, characters in parts.items():
        n_simplified = _count(characters, is_simplified_only)
        n_traditional = _count(characters, is_traditional_only)
        han = _count(characters, is_han)
        both = n_simplified + n_traditional
        if both >= _ENOUGH:
            simplified[part] = _Share(n_simplified, both)
        yield Finding(
            FindingKind.SCRIPT,
            Severity.NOTE,
            f"{part}: of {han:,} Han characters {n_simplified:,} ({n_simplified / han:.2%}) are "
            f"simplified only, {n_traditional:,} ({n_traditional / han:.2%}) traditional only",
            count=han,
        )
    for part, share in simplified.items():
        if min(share.share, 1 - share.share) >= _MIXED:
            message = f"{part} mixes scripts: of the characters of one script only, {share} are "
            yield Finding(FindingKind.SCRIPT, Severity.WARNING, f"{message}simplified")
    if simplified and _spread(simplified) >= _MIXED:
        listed = "; ".join(f"{part} {share}" for part, share in simplified.items())
        message = f"parts differ in script; simplified are, of the characters of one only: {listed}"
        yield Finding(FindingKind.SCRIPT, Severity.WARNING, message)


def _count(characters: Mapping[str, int], wanted: Callable[[str], bool]) -> int:
    return sum(n for character, n in characters.items() if wanted(character))


def _spread(shares: Mapping[str, _Share]) -> float:
    values = [share.share for share in shares.values()]
    return max(values) - min(values)


def _widths(parts: Mapping[str, Counter[str]]) -> Iterator[Finding]:
    for what, alphanumeric in (("letters and digits", True), ("punctuation and signs", False)):
        wide = {c: half for c, half in FULL_WIDTH.items() if half.isalnum() is alphanumeric}
        shares: dict[str, _Share] = {}
        for part, characters in parts.items():
            full = sum(characters[c] for c in wide)
            all_widths = full + sum(characters[half] for half in wide.values())
            if all_widths:
                shares[part] = _Share(full, all_widths)
                message = f"{part}: {what} of full width are {shares[part]}"
                yield Finding(FindingKind.WIDTH, Severity.NOTE, message, count=full)
        yield from _different_widths(what, shares)


def _different_widths(what: str, shares: Mapping[str, _Share]) -> Iterator[Finding]:
    """A warning where a part has a sizeable share, and another not even a fifth of that."""
    enough = {part: share for part, share in shares.items() if share.of >= _ENOUGH}
    values = [share.share for share in enough.values()]
    if values and max(values) >= _SIZEABLE and min(values) < max(values) / 5:
        listed = "; ".join(f"{part} {share}" for part, share in enough.items())
        message = f"parts differ in the width of {what}; of full width are: {listed}"
        yield Finding(FindingKind.WIDTH, Severity.WARNING, message)
