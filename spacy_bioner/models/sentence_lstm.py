"""A bidirectional LSTM over sentences of unlike lengths, nearly without padding."""

from __future__ import annotations

import platform
from collections.abc import Callable, Sequence
from typing import TypeAlias

import torch
from torch.nn.utils.rnn import pad_sequence

from spacy_bioner.models.encoder.precision import choose_precision
from spacy_bioner.models.graphs_on_threads import encode_groups
from spacy_bioner.models.workers import leave_cores_to_others
from spacy_bioner.networks.threads import on_threads

# Of each direction of each layer: to the gates from the input (4 H, nI) and from the state
# (4 H, H), and the biases of both (4 H,).
Weights: TypeAlias = dict[str, list[torch.Tensor]]

# Sentences of one bucket are at least this share as long as its longest, but for the few
# that fill it up: a product of few rows costs hardly less than one of some more.
_LIKE_LENGTHS = 0.8
_FEW = 4
# Sentences of a bucket at most: more are hardly faster.
_LARGEST = 64
_X86 = ("x86_64", "AMD64")


class SentenceLstm(torch.nn.LSTM):
    """torch's LSTM from and to the rows of sentences, end to end.

    Sentences of like length are computed together, each direction on its own, so that
    torch takes its fast kernels; on a CPU a step of training takes half the time that it
    takes on packed sequences, and what is computed for a sentence is the same. In prediction
    each of torch's threads computes sentences of its own.

    It is a subclass, and holds no LSTM, so that its parameters' names have no dots:
    optimizers read dotted names as a transformer's.
    """

    def __init__(
        self, width: int, hidden_width: int, depth: int, dropout: float, precision: str = "float32"
    ) -> None:
        """precision: in which it predicts, as `build_bilstm_encoder` says."""
        between = dropout if depth > 1 else 0.0
        super().__init__(width, hidden_width, depth, dropout=between, bidirectional=True)
        self.input_dropout, self.precision = dropout, precision

    def forward(self, vectors: torch.Tensor, lengths: list[int]) -> torch.Tensor:  # type: ignore[override]
        """(N, nI) of sentences of these lengths, none of them 0 -> (N, 2 * hidden_size)."""
        dropped = torch.nn.functional.dropout(vectors, self.input_dropout, self._learns)
        if not lengths:
            # a product, (0, nI) x (nI, nO), so that the way back exists for an empty batch too
            return dropped @ vectors.new_zeros(self.input_size, 2 * self.hidden_size)
        groups, masks = buckets(lengths), self._masks(dropped)
        if self._learns and dropped.device.type == "cpu" and torch.get_num_threads() > 1:
            return self._learn_on_threads(dropped, lengths, groups, masks)
        dtype = self._dtype(dropped.device)
        weights = self._weights(dtype)
        sentences = dropped.to(dtype).split(lengths)
        masks_of = [mask.split(lengths) for mask in masks]
        encoded: list[torch.Tensor] = [dropped] * len(lengths)

        def encode(bucket: list[int]) -> None:
            kept = [pad_sequence([mask[i] for i in bucket]) for mask in masks_of]
            found = self._encode([sentences[i] for i in bucket], weights, kept)
            for i, rows in zip(bucket, found, strict=True):
                encoded[i] = rows

        self._each(encode, groups, dropped.device)
        return torch.cat(encoded).float()

    def _learn_on_threads(
        self,
        vectors: torch.Tensor,
        lengths: list[int],
        groups: list[list[int]],
        masks: list[torch.Tensor],
    ) -> torch.Tensor:
        """As `forward`, in training: a group of sentences on each thread of a CPU, both ways."""
        rows = torch.arange(len(vectors)).split(lengths)
        places = [torch.cat([rows[i] for i in group]) for group in groups]
        names, weights = zip(*self._weights(torch.float32).items(), strict=True)

        def encode(group: int, inputs: torch.Tensor, flat: Sequence[torch.Tensor]) -> torch.Tensor:
            sizes = [lengths[i] for i in groups[group]]
            own = {name: list(flat[4 * i : 4 * i + 4]) for i, name in enumerate(names)}
            kept = [pad_sequence(mask[places[group]].split(sizes)) for mask in masks]
            return torch.cat(self._encode(inputs.split(sizes), own, kept))

        return encode_groups(encode, places, vectors, [w for each in weights for w in each])

    @property
    def _learns(self) -> bool:
        """Whether this is a step of training; `training` alone is set by other threads as well,
        when their prediction ends."""
        return self.training and torch.is_grad_enabled()

    def _each(
        self, encode: Callable[[list[int]], None], groups: list[list[int]], device: torch.device
    ) -> None:
        """Encode each group; in prediction on a CPU, one on each thread."""
        if torch.is_grad_enabled() or device.type != "cpu":
            for group in groups:
                encode(group)
            return
        leave_cores_to_others()
        for _ in on_threads(torch.no_grad()(encode), groups):
            pass

    def _weights(self, dtype: torch.dtype) -> Weights:
        """Of each direction of each layer."""
        kinds = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        names = [f"l{layer}{way}" for layer in range(self.num_layers) for way in ("", "_reverse")]
        return {
            name: [getattr(self, f"{kind}_{name}").to(dtype) for kind in kinds] for name in names
        }

    def _dtype(self, device: torch.device) -> torch.dtype:
        """float32 in training, whose way back takes half as long again in bfloat16, and wherever
        nobody has measured what that gains."""
        if self._learns or device.type != "cpu" or platform.machine() not in _X86:
            return torch.float32
        return choose_precision(self.precision, device)

    def _masks(self, vectors: torch.Tensor) -> list[torch.Tensor]:
        """What dropout keeps between two layers, (N, 2 H) each; none where it drops nothing.

        Drawn for all sentences at once: in which order threads would draw is not known.
        """
        if not (self.dropout and self._learns):
            return []
        ones = vectors.new_ones(len(vectors), 2 * self.hidden_size)
        drop = torch.nn.functional.dropout
        return [drop(ones, self.dropout) for _ in range(self.num_layers - 1)]

    def _encode(
        self,
        sentences: Sequence[torch.Tensor],
        weights: Weights,
        masks: Sequence[torch.Tensor] = (),
    ) -> list[torch.Tensor]:
        """Encode B sentences, (n, nI) each, the longest, T, first.

        masks: (T, B, 2 H) each, by which what goes from a layer to the next is multiplied.
        """
        lengths = [len(rows) for rows in sentences]
        reverse = _reversed_rows(lengths, sentences[0].device)  # (T * B,)
        states = pad_sequence(list(sentences))  # (T, B, nI)
        for layer in range(self.num_layers):
            if layer and masks:
                states = states * masks[layer - 1]
            forwards = self._direction(states, weights[f"l{layer}"])  # (T, B, H)
            backwards = self._direction(_take(states, reverse), weights[f"l{layer}_reverse"])
            states = torch.cat([forwards, _take(backwards, reverse)], dim=-1)  # (T, B, 2 H)
        return [states[:n, b] for b, n in enumerate(lengths)]

    def _direction(self, states: torch.Tensor, weights: list[torch.Tensor]) -> torch.Tensor:
        """Run one direction of one layer: (T, B, nI) -> (T, B, H)."""
        zeros = states.new_zeros(1, states.shape[1], self.hidden_size)
        # input, state, weights, has biases, layers, dropout, training, bidirectional, batch first
        found = torch.lstm(
            states, (zeros, zeros), weights, True, 1, 0.0, self._learns, False, False
        )
        return found[0]


def buckets(lengths: Sequence[int]) -> list[list[int]]:
    """Return the indices of sentences in groups of like length, the longest first.

    Each holds a power of two of them: oneDNN plans an LSTM anew for every number that it meets.
    """
    order = sorted(range(len(lengths)), key=lambda i: -lengths[i])
    found: list[list[int]] = []
    while order:
        shortest = _LIKE_LENGTHS * lengths[order[0]]
        size = _LARGEST
        while size > len(order) or (size > _FEW and lengths[order[size - 1]] < shortest):
            size //= 2
        found.append(order[:size])
        order = order[size:]
    return found


def _reversed_rows(lengths: Sequence[int], device: torch.device) -> torch.Tensor:
    """Return where each row of (T, B) padded sentences goes if each sentence is reversed."""
    n = torch.tensor(lengths)
    t = torch.arange(lengths[0])[:, None]  # (T, 1)
    place = torch.where(t < n, n - 1 - t, t)  # (T, B); padding stays where it is
    return (place * len(lengths) + torch.arange(len(lengths))).flatten().to(device)


def _take(states: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
    return states.flatten(0, 1).index_select(0, rows).view_as(states)
