"""Two pipelines on disk against each other: time, memory, disk, entities, F1."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from spacy_bioner.errors import BionerError, ConfigError
from spacy_bioner.evaluation.scores import Scores

Entity = tuple[int, int, str]
_ERROR = re.compile(r"[\w.]*(Error|Exception|Interrupt)\b")


@dataclass(frozen=True)
class Measured:
    """A pipeline. seconds: of each run over `words` tokens; memory, size: in bytes."""

    load_seconds: float
    seconds: tuple[float, ...]
    words: int
    memory: int
    size: int
    entities: tuple[frozenset[Entity], ...]
    scores: Scores

    @property
    def words_per_second(self) -> float:
        return self.words / median(self.seconds)


@dataclass(frozen=True)
class Comparison:
    """What an optimised pipeline has gained over the original, and lost."""

    original: Measured
    optimized: Measured

    @property
    def speedup(self) -> float:
        """Median of the ratios of times that were measured one after the other."""
        pairs = zip(self.original.seconds, self.optimized.seconds, strict=True)
        return median(a / b for a, b in pairs)

    @property
    def loss(self) -> float:
        """Points of F1, from 0 to 100; below 0 for a gain."""
        return 100 * (self.original.scores.f1 - self.optimized.scores.f1)

    @property
    def agreement(self) -> float:
        """F1 of the optimised pipeline's entities with the original's as gold."""
        pairs = list(zip(self.original.entities, self.optimized.entities, strict=True))
        same = sum(len(a & b) for a, b in pairs)
        total = sum(len(a) + len(b) for a, b in pairs)
        return 2 * same / total if total else 1.0


def compare(original: Path, optimized: Path, gold: Path, rounds: int = 3) -> Comparison:
    """Measure both in turn, each time in a process of its own, on a .spacy file.

    Raises BionerError with the error of the process where one of them fails.
    """
    found: dict[Path, list[Measured]] = {original: [], optimized: []}
    for _ in range(rounds):
        for path, measured in found.items():
            measured.append(_measure(path, gold))
    return Comparison(*(_together(measured) for measured in found.values()))


def _measure(path: Path, gold: Path) -> Measured:
    with TemporaryDirectory() as folder:
        out = Path(folder) / "measured.json"
        command = [sys.executable, "-m", "spacy_bioner.optimization.worker"]
        run = subprocess.run(
            [*command, str(path), str(gold), str(out), "1"], capture_output=True, text=True
        )
        if run.returncode:
            raise BionerError(f"{path}: {_reason(run.returncode, run.stderr)}")
        measured = json.loads(out.read_text(encoding="utf-8"))
    return Measured(
        load_seconds=measured["load_seconds"],
        seconds=tuple(measured["seconds"]),
        words=measured["words"],
        memory=measured["memory"],
        size=sum(file.stat().st_size for file in path.rglob("*") if file.is_file()),
        entities=tuple(frozenset(tuple(e) for e in doc) for doc in measured["entities"]),
        scores=Scores(*measured["counts"]),
    )


def _reason(code: int, stderr: str) -> str:
    """Why a process failed: its error, from the last line that names one, or the signal."""
    if code < 0:
        return f"was killed while it was measured (signal {-code}), perhaps for want of memory"
    lines = stderr.strip().splitlines() or ["failed"]
    named = [i for i, line in enumerate(lines) if _ERROR.match(line)]
    return " ".join(line.strip() for line in lines[named[-1] if named else -1 :])


def _together(rounds: list[Measured]) -> Measured:
    first = rounds[0]
    return Measured(
        load_seconds=median(each.load_seconds for each in rounds),
        seconds=tuple(seconds for each in rounds for seconds in each.seconds),
        words=first.words,
        memory=max(each.memory for each in rounds),
        size=first.size,
        entities=first.entities,
        scores=first.scores,
    )


def require_small_loss(comparison: Comparison, max_loss: float, form: str) -> None:
    """Raises ConfigError if F1 falls by more than `max_loss` points.

    form: "bfloat16" or "int8", what the pipeline was made.
    """
    if comparison.loss > max_loss:
        other = "Try --precision bfloat16, or allow" if form == "int8" else "Allow"
        raise ConfigError(
            f"F1 falls by {comparison.loss:.2f} points, more than --max-loss {max_loss}: nothing "
            f"was written. {other} a larger loss"
        )


def render(comparison: Comparison) -> str:
    """A table of both pipelines."""
    lines = [f"{'':<24}{'original':>12}{'optimised':>12}"]
    rows = [
        ("words a second", "words_per_second", "{:,.0f}", 1.0),
        ("load, seconds", "load_seconds", "{:.2f}", 1.0),
        ("peak memory, MB", "memory", "{:,.0f}", 1e-6),
        ("size on disk, MB", "size", "{:,.1f}", 1e-6),
    ]
    both = (comparison.original, comparison.optimized)
    for name, attribute, form, scale in rows:
        values = [form.format(getattr(each, attribute) * scale) for each in both]
        lines.append(f"{name:<24}{values[0]:>12}{values[1]:>12}")
    f1 = [f"{100 * each.scores.f1:.2f}" for each in both]
    lines.append(f"{'F1 on --dev':<24}{f1[0]:>12}{f1[1]:>12}")
    lines.append(f"{'times as fast':<24}{'':>12}{comparison.speedup:>12.2f}")
    lines.append(f"{'entity agreement, %':<24}{'':>12}{100 * comparison.agreement:>12.2f}")
    return "\n".join(lines)
