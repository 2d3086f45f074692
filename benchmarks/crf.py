"""The CRF against pytorch-crf: ratios of time in one run, and errors of the gradient.

    python -m benchmarks.crf [--labels 10] [--repeats 9]

Single-threaded. Each pair is timed in turn, and the median of the ratios is printed; the
gradient errors are the largest absolute differences from pytorch-crf in float64. A second
table compares what confidences cost with what they are made of, under the constraints of
BIO: the probabilities of all entities of the best paths with Viterbi and marginals
together; the five best entity sets and their probabilities with Viterbi; and the loss where
half of the tags are unknown with the loss where all are known. The emissions are random,
so that there are far more entities than in a text.
"""

from __future__ import annotations

from statistics import median

import numpy as np
import torch
import torchcrf
import typer

from benchmarks.timing import ratio, seconds
from spacy_bioner.crf import packed
from spacy_bioner.crf.scores import CrfScores
from spacy_bioner.models.lattice import Lattice
from spacy_bioner.tags import UNKNOWN, TagScheme

SHAPES = [(16, 50), (16, 128), (128, 64), (8, 512), (1, 4000)]


class Case:
    """One batch of ragged sentences, as ours and as pytorch-crf's."""

    def __init__(self, batch: int, length: int, n_tags: int) -> None:
        rng = np.random.default_rng(0)
        self.lengths = rng.integers(length // 2, length + 1, size=batch)
        self.lengths[0] = length
        n = int(self.lengths.sum())
        self.emissions = (2 * rng.normal(size=(n, n_tags))).astype(np.float32)
        self.tags = rng.integers(n_tags, size=n)
        self.values = [
            0.5 * rng.normal(size=s).astype(np.float32)
            for s in ((n_tags,), (n_tags,), (n_tags, n_tags))
        ]
        self.scores = CrfScores.constrained(*self.values)
        self.known = np.ones(self.emissions.shape, dtype=np.bool_)
        self.mask = torch.arange(length)[:, None] < torch.from_numpy(self.lengths)
        self.padded_tags = self._pad(self.tags)

    def _pad(self, packed_values: np.ndarray) -> torch.Tensor:
        rows = torch.from_numpy(packed_values).split(self.lengths.tolist())
        return torch.nn.utils.rnn.pad_sequence(list(rows))

    def theirs(self, dtype: torch.dtype) -> tuple[torchcrf.CRF, torch.Tensor]:
        module = torchcrf.CRF(len(self.values[0])).to(dtype)
        for parameter, value in zip(module.parameters(), self.values, strict=True):
            parameter.data = torch.from_numpy(value).to(dtype)
        return module, self._pad(self.emissions).to(dtype).requires_grad_()

    def their_gradient(self, module: torchcrf.CRF, inputs: torch.Tensor) -> np.ndarray:
        module.zero_grad()
        inputs.grad = None
        (-module(inputs, self.padded_tags, self.mask)).backward()
        return inputs.grad.transpose(0, 1)[self.mask.T].numpy()

    def our_gradient(self) -> np.ndarray:
        return packed.loss_and_gradient(
            self.emissions, self.tags, self.known, self.lengths, self.scores
        ).emissions


def measure(batch: int, length: int, n_tags: int, repeats: int) -> list[str]:
    case = Case(batch, length, n_tags)
    module, inputs = case.theirs(torch.float32)
    loss, ms = ratio(lambda: case.their_gradient(module, inputs), case.our_gradient, repeats)
    viterbi, viterbi_ms = ratio(
        lambda: module.decode(inputs.detach(), case.mask),
        lambda: packed.best_paths(case.emissions, case.lengths, case.scores),
        repeats,
    )
    marginals = median(
        seconds(lambda: packed.marginals(case.emissions, case.lengths, case.scores))
        for _ in range(repeats)
    )
    exact = case.their_gradient(*case.theirs(torch.float64))
    errors = [
        np.abs(g - exact).max() for g in (case.our_gradient(), case.their_gradient(module, inputs))
    ]
    return [
        f"{batch}x{length}",
        f"{loss:.1f}",
        f"{1e3 * ms:.2f}",
        f"{viterbi:.1f}",
        f"{1e3 * viterbi_ms:.2f}",
        f"{1e3 * marginals:.2f}",
        f"{errors[0]:.1e}",
        f"{errors[1]:.1e}",
    ]


def measure_confidences(batch: int, length: int, scheme: TagScheme, repeats: int) -> list[str]:
    case = Case(batch, length, len(scheme.tags))
    emissions, lengths = case.emissions, case.lengths
    scores = CrfScores.constrained(*case.values, scheme.constraints)
    lattice = Lattice(scheme, emissions, lengths, scores, np.arange(len(scheme.tags)))
    tags = lattice.best_tags()
    spans = lattice.spans(tags)
    partly = np.where(np.random.default_rng(1).random(len(tags)) < 0.5, UNKNOWN, tags)
    ends = np.cumsum(lengths)
    parts = [partly[end - n : end] for n, end in zip(lengths, ends, strict=True)]
    allowed = np.concatenate([scheme.allowed(part) for part in parts])
    spans_cost, _ = ratio(
        lambda: lattice.span_log_probabilities(spans),
        lambda: (lattice.best_tags(), lattice.marginals()),
        repeats,
    )
    k_best_cost, _ = ratio(lambda: lattice.k_best(5), lattice.best_tags, repeats)
    partial_cost, _ = ratio(
        lambda: packed.loss_and_gradient(emissions, partly, allowed, lengths, scores),
        lambda: packed.loss_and_gradient(emissions, tags, allowed, lengths, scores),
        repeats,
    )
    costs = [f"{cost:.2f}" for cost in (spans_cost, k_best_cost, partial_cost)]
    return [f"{batch}x{length}", f"{len(spans.start):,}", *costs]


CONFIDENCES_HEADER = [
    "batch x length",
    "entities",
    "their probabilities / (Viterbi + marginals)",
    "5 best / Viterbi",
    "loss with unknown tags / loss",
]
HEADER = [
    "batch x length",
    "loss+grad: times as fast",
    "ms",
    "Viterbi: times as fast",
    "ms",
    "marginals ms",
    "our gradient error",
    "pytorch-crf's",
]


def main(labels: int = 10, repeats: int = 9) -> None:
    """Print both tables as Markdown."""
    torch.set_num_threads(1)
    scheme = TagScheme(tuple(f"TYPE{number}" for number in range(labels)))
    print_header(HEADER)
    for batch, length in SHAPES:
        print_row(measure(batch, length, len(scheme.tags), repeats))
    print()
    print_header(CONFIDENCES_HEADER)
    for batch, length in SHAPES:
        print_row(measure_confidences(batch, length, scheme, repeats))


def print_header(cells: list[str]) -> None:
    print_row(cells)
    print("|" + "---|" * len(cells))


def print_row(cells: list[str]) -> None:
    print("| " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    typer.run(main)
