"""A mention's text as formats repeat it beside its offsets: on one line, pieces joined."""

from __future__ import annotations

from collections.abc import Sequence

from spacy_bioner.corpora.reading_log import FileLog
from spacy_bioner.corpora.text_lines import LineError

_ONE_LINE = str.maketrans("\t\n\r", "   ")


def on_one_line(text: str) -> str:
    """The text with a blank for each tab and each character of a line break."""
    return text.translate(_ONE_LINE)


def check_offsets(pieces: Sequence[tuple[int, int]], text: str) -> None:
    """Raise LineError unless each piece has a character and lies within the text."""
    for start, end in pieces:
        if not 0 <= start < end:
            raise LineError(f"offsets {start} to {end} hold no character. Correct them.")
        if end > len(text):
            raise LineError(
                f"offsets {start} to {end} lie outside of the text, which has "
                f"{len(text)} characters. Correct them."
            )


def check_mention_text(
    found: str, pieces: Sequence[tuple[int, int]], text: str, line: int, log: FileLog
) -> None:
    """Compare a mention's text, as found beside its offsets, with the text there.

    Pieces are joined by blanks, and tabs and line breaks may stand as blanks. Another
    difference in white space is repaired: the offsets hold. Raises LineError, which shows
    both, for any other difference, and CorpusError for a repair if the log is strict.
    """
    expected = on_one_line(" ".join(text[start:end] for start, end in pieces))
    if on_one_line(found) == expected:
        return
    if "".join(found.split()) == "".join(expected.split()):
        log.repair(line, found, expected, "differs from the text in white space")
        return
    where = " and ".join(f"{start} to {end}" for start, end in pieces)
    raise LineError(
        f"the mention is {found!r}, but the text at offsets {where} is {expected!r}. "
        "Correct one of them."
    )
