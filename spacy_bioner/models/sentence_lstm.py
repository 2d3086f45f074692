"""A bidirectional LSTM over sentences of unlike lengths, nearly without padding."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch.nn.utils.rnn import pad_sequence

# Sentences of one bucket are at least this share as long as its longest, but for the few
# that fill it up: a product of few rows costs hardly less than one of some more.
_LIKE_LENGTHS = 0.8
_FEW = 4


class SentenceLstm(torch.nn.LSTM):
    """torch's LSTM from and to the rows of sentences, end to end.

    Sentences of like length are computed together, each direction on its own, so that
    torch takes its fast kernels; on a CPU a step of training takes half the time that it
    takes on packed sequences, and what is computed for a sentence is the same.

    It is a subclass, and holds no LSTM, so that its parameters' names have no dots:
    optimizers read dotted names as a transformer's.
    """

    def __init__(self, width: int, hidden_width: int, depth: int, dropout: float) -> None:
        between = dropout if depth > 1 else 0.0
        super().__init__(width, hidden_width, depth, dropout=between, bidirectional=True)
        self.input_dropout = dropout

    def forward(self, vectors: torch.Tensor, lengths: list[int]) -> torch.Tensor:  # type: ignore[override]
        """(N, nI) of sentences of these lengths, none of them 0 -> (N, 2 * hidden_size)."""
        dropped = torch.nn.functional.dropout(vectors, self.input_dropout, self.training)
        if not lengths:
            # a product, (0, nI) x (nI, nO), so that the way back exists for an empty batch too
            return dropped @ vectors.new_zeros(self.input_size, 2 * self.hidden_size)
        sentences = dropped.split(lengths)
        encoded: list[torch.Tensor] = [dropped] * len(lengths)
        for bucket in buckets(lengths):
            found = self._encode([sentences[i] for i in bucket])
            for i, rows in zip(bucket, found, strict=True):
                encoded[i] = rows
        return torch.cat(encoded)

    def _encode(self, sentences: Sequence[torch.Tensor]) -> list[torch.Tensor]:
        """Encode B sentences, (n, nI) each, the longest, T, first."""
        lengths = [len(rows) for rows in sentences]
        reverse = _reversed_rows(lengths, sentences[0].device)  # (T * B,)
        states = pad_sequence(list(sentences))  # (T, B, nI)
        for layer in range(self.num_layers):
            if layer and self.dropout:
                states = torch.nn.functional.dropout(states, self.dropout, self.training)
            forwards = self._direction(states, f"l{layer}")  # (T, B, H)
            backwards = self._direction(_take(states, reverse), f"l{layer}_reverse")
            states = torch.cat([forwards, _take(backwards, reverse)], dim=-1)  # (T, B, 2 H)
        return [states[:n, b] for b, n in enumerate(lengths)]

    def _direction(self, states: torch.Tensor, name: str) -> torch.Tensor:
        """Run one direction of one layer: (T, B, nI) -> (T, B, H)."""
        kinds = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        weights = [getattr(self, f"{kind}_{name}") for kind in kinds]
        zeros = states.new_zeros(1, states.shape[1], self.hidden_size)
        # input, state, weights, has biases, layers, dropout, training, bidirectional, batch first
        found = torch.lstm(
            states, (zeros, zeros), weights, True, 1, 0.0, self.training, False, False
        )
        return found[0]


def buckets(lengths: Sequence[int]) -> list[list[int]]:
    """Return the indices of sentences in groups of like length, the longest first."""
    found: list[list[int]] = []
    for i in sorted(range(len(lengths)), key=lambda i: -lengths[i]):
        fits = found and lengths[i] >= _LIKE_LENGTHS * lengths[found[-1][0]]
        if fits or (found and len(found[-1]) < _FEW):
            found[-1].append(i)
        else:
            found.append([i])
    return found


def _reversed_rows(lengths: Sequence[int], device: torch.device) -> torch.Tensor:
    """Return where each row of (T, B) padded sentences goes if each sentence is reversed."""
    n = torch.tensor(lengths)
    t = torch.arange(max(lengths))[:, None]  # (T, 1)
    place = torch.where(t < n, n - 1 - t, t)  # (T, B); padding stays where it is
    return (place * len(lengths) + torch.arange(len(lengths))).flatten().to(device)


def _take(states: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
    return states.flatten(0, 1).index_select(0, rows).view_as(states)
