"""LayerwiseAdam against thinc's Adam: ratios of time of one update in one run.

    python -m benchmarks.optimizer [--repeats 15]

The parameters are those of a 6-layer BERT of width 384 with a vocabulary of 30,522
(about 22 million values). Each optimizer has weights and gradients of its own, and
gradients are put back before each update, outside of what is timed.
"""

from __future__ import annotations

from statistics import median

import numpy as np
import torch
import typer
from thinc.api import Adam, Optimizer
from transformers import AutoModel, BertConfig

from benchmarks.timing import seconds
from spacy_bioner.training.layerwise_adam import build_layerwise_adam

# Norm of each gradient tensor; the limit is 1.
GRADIENTS = {"let through": 0.5, "clipped": 5.0}


class Case:
    """The tensors of one encoder, as an optimizer gets them from a torch shim."""

    def __init__(self, optimizer: Optimizer, norm: float) -> None:
        shape = BertConfig(
            vocab_size=30522,
            hidden_size=384,
            num_hidden_layers=6,
            num_attention_heads=12,
            intermediate_size=1536,
        )
        rng = np.random.default_rng(0)
        self.optimizer = optimizer
        self.weights, self.fresh, self.gradients = {}, {}, {}
        for name, values in AutoModel.from_config(shape).named_parameters():
            fresh = rng.standard_normal(size=tuple(values.shape), dtype=np.float32)
            self.weights[name] = values.detach().clone().numpy()
            self.fresh[name] = fresh * np.float32(norm / np.linalg.norm(fresh))
            self.gradients[name] = torch.empty_like(values).detach().numpy()

    @property
    def size(self) -> int:
        return sum(weights.size for weights in self.weights.values())

    def seconds(self) -> float:
        """Time of one update."""
        for name, gradient in self.gradients.items():
            gradient[...] = self.fresh[name]
        return seconds(self.update)

    def update(self) -> None:
        for name, weights in self.weights.items():
            self.optimizer((1, name), weights, self.gradients[name])
        self.optimizer.step_schedules()


def measure(norm: float, repeats: int) -> tuple[int, float, float, float]:
    """Number of values, median of the ratios, and median seconds of thinc's Adam and of ours."""
    theirs = Case(Adam(4e-5, L2=0.01, L2_is_weight_decay=True, use_averages=False), norm)
    ours = Case(build_layerwise_adam(4e-5), norm)
    for case in (theirs, ours, theirs, ours):  # LayerwiseAdam's first update is an odd one
        case.seconds()
    pairs = [(theirs.seconds(), ours.seconds()) for _ in range(repeats)]
    return (
        ours.size,
        median(a / b for a, b in pairs),
        median(a for a, _ in pairs),
        median(b for _, b in pairs),
    )


def main(repeats: int = 15, threads: int = 1) -> None:
    """Print the table as Markdown; threads: of torch, 0 for its own choice."""
    if threads:
        torch.set_num_threads(threads)
    print("| gradient norms | torch threads | values | times as fast | thinc's Adam ms | ours ms |")
    print("|---|---|---|---|---|---|")
    for name, norm in GRADIENTS.items():
        size, faster, theirs, ours = measure(norm, repeats)
        cells = [name, str(torch.get_num_threads()), f"{size:,}", f"{faster:.1f}"]
        print("| " + " | ".join([*cells, f"{1e3 * theirs:.0f}", f"{1e3 * ours:.0f}"]) + " |")


if __name__ == "__main__":
    typer.run(main)
