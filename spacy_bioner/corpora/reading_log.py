"""What readers mend and pass over, so that nothing of a corpus is lost in silence."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from spacy_bioner.corpora.receipt import render_list
from spacy_bioner.errors import CorpusError


@dataclass(frozen=True, slots=True)
class Repair:
    """One slip: `found` was read as `read_as`, and why.

    line: where it stood; None where the format has no lines (JSON, XML): then `found`
    or `reason` names the document.
    """

    path: Path
    line: int | None
    found: str
    read_as: str
    reason: str

    def __str__(self) -> str:
        where = f"{self.path}:{self.line}" if self.line is not None else f"{self.path}"
        return f"{where}: {self.found!r} read as {self.read_as!r}: {self.reason}"


@dataclass(slots=True)
class Skipped:
    """Things of one kind that a file holds and a Document cannot, such as relations."""

    path: Path
    what: str
    count: int = 0
    first: str = ""

    def __str__(self) -> str:
        return f"{self.path}: {self.count:,} {self.what} (the first: {self.first})"


@dataclass(slots=True)
class ReadLog:
    """Gathers repairs and skipped things of all files read with it.

    strict: a slip raises CorpusError instead of being repaired; what is skipped
    is no slip, and is only counted.
    """

    strict: bool = False
    repairs: list[Repair] = field(default_factory=list)
    skipped: dict[tuple[Path, str], Skipped] = field(default_factory=dict)

    def render(self, limit: int | None) -> list[str]:
        """Lines that tell of repairs and of what was skipped; each list ends after `limit`."""
        lines = []
        if self.repairs:
            lines += [f"{len(self.repairs):,} slips were repaired"]
            lines += render_list(self.repairs, limit)
        if self.skipped:
            lines += ["not read, for a Document cannot hold it:"]
            lines += render_list(list(self.skipped.values()), limit)
        return lines

    def of(self, path: Path) -> FileLog:
        return FileLog(path, self)


@dataclass(frozen=True, slots=True)
class FileLog:
    """The log as the reader of one file uses it."""

    path: Path
    log: ReadLog

    @classmethod
    def open(cls, path: Path, log: ReadLog | None) -> FileLog:
        return cls(path, log if log is not None else ReadLog())

    def repair(self, line: int | None, found: str, read_as: str, reason: str) -> None:
        """Note a repair. Raises CorpusError if the log is strict."""
        if self.log.strict:
            raise self.error(
                f"{found!r}: {reason}. Correct it, or read without strict, "
                f"which takes it as {read_as!r}.",
                line,
            )
        self.log.repairs.append(Repair(self.path, line, found, read_as, reason))

    def skip(self, what: str, which: str) -> None:
        """Count one thing passed over. what: its kind, in the plural; which: this one."""
        skipped = self.log.skipped.setdefault((self.path, what), Skipped(self.path, what))
        skipped.first = skipped.first or which
        skipped.count += 1

    def error(self, message: str, line: int | None = None) -> CorpusError:
        return CorpusError(message, self.path, line)
