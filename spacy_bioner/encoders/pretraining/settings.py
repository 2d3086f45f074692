"""The settings of a pretraining run, checked before anything is read."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

from spacy_bioner.errors import EncoderError

Precision = Literal["auto", "float32", "bfloat16"]
Optimizer = Literal["adamw", "muon"]


@dataclass(frozen=True, slots=True)
class PretrainingSettings:
    """How an encoder is trained; raises EncoderError where settings cannot work.

    steps or minutes: how long; just one of them is given. With steps, equal seeds give
    equal weights on one machine, with as many threads; with minutes the schedule follows
    the clock.
    length: tokens in a block. batch_size: blocks in a step. accumulate: parts that a step
    is computed in, to save memory. optimizer: see `build_optimizers`. learn_rate: the
    highest; warmup: the share of the run in which it rises, after which it falls to 0 in a
    straight line.
    mask_rate, span: see `Masking`. dropout: while pretraining; the saved config keeps
    its own. clip: largest norm of the gradient. precision: of matrix products; auto is
    bfloat16 where the processor multiplies it natively. compile: by torch.compile.
    checkpoint_minutes, evaluate_every: minutes between checkpoints, steps between
    evaluations.
    """

    steps: int | None = None
    minutes: float | None = None
    length: int = 128
    batch_size: int = 64
    accumulate: int = 1
    optimizer: Optimizer = "adamw"
    learn_rate: float = 1e-3
    warmup: float = 0.06
    weight_decay: float = 0.01
    clip: float = 1.0
    mask_rate: float = 0.15
    span: float = 1.5
    dropout: float = 0.0
    precision: Precision = "auto"
    compile: bool = False
    seed: int = 0
    checkpoint_minutes: float = 5.0
    evaluate_every: int = 500

    def __post_init__(self) -> None:
        if (self.steps is None) == (self.minutes is None):
            given = "neither" if self.steps is None else "both"
            raise EncoderError(f"say how long to train: by steps or by minutes; {given} is given.")
        rules = {
            "steps": (self.steps is None or self.steps >= 1, "at least 1"),
            "minutes": (self.minutes is None or 0 < self.minutes < math.inf, "above 0, and finite"),
            "length": (self.length >= 8, "at least 8"),
            "batch_size": (self.batch_size >= 1, "at least 1"),
            "accumulate": (
                self.accumulate >= 1 and self.batch_size % self.accumulate == 0,
                "at least 1, and divide batch_size",
            ),
            "optimizer": (
                self.optimizer in get_args(Optimizer),
                f"one of {', '.join(get_args(Optimizer))}",
            ),
            "learn_rate": (self.learn_rate > 0, "above 0"),
            "warmup": (0 <= self.warmup < 1, "from 0 up to 1"),
            "mask_rate": (0 < self.mask_rate < 1, "between 0 and 1"),
            "span": (self.span >= 1, "at least 1"),
            "dropout": (0 <= self.dropout < 1, "from 0 up to 1"),
            "clip": (self.clip > 0, "above 0"),
            "weight_decay": (self.weight_decay >= 0, "at least 0"),
            "seed": (0 <= self.seed < 2**32, "from 0 up to 2**32"),
            "checkpoint_minutes": (self.checkpoint_minutes >= 0, "at least 0"),
            "precision": (
                self.precision in get_args(Precision),
                f"one of {', '.join(get_args(Precision))}",
            ),
            "evaluate_every": (self.evaluate_every >= 1, "at least 1"),
        }
        for name, (holds, rule) in rules.items():
            if not holds:
                raise EncoderError(f"{name} is {getattr(self, name)}; it must be {rule}.")

    def identity(self) -> dict[str, Any]:
        """Return the settings that two halves of one run must share."""
        mutable = {"checkpoint_minutes", "evaluate_every", "minutes", "compile"}
        return {name: value for name, value in asdict(self).items() if name not in mutable}


def rate_at(share: float, settings: PretrainingSettings) -> float:
    """Return the learning rate after `share` (0 to 1) of the run."""
    if share < settings.warmup:
        return settings.learn_rate * (share / settings.warmup)
    return settings.learn_rate * max(0.0, (1 - share) / (1 - settings.warmup))
