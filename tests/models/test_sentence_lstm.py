from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn.utils.rnn import pack_sequence, unpack_sequence

from spacy_bioner.models.sentence_lstm import SentenceLstm, buckets

LENGTHS = st.lists(st.integers(1, 40), min_size=1, max_size=12)


def packed(lstm: SentenceLstm, vectors: torch.Tensor, lengths: list[int]) -> torch.Tensor:
    """torch's own way, on packed sequences, without dropout."""
    sequence = pack_sequence(list(vectors.split(lengths)), enforce_sorted=False)
    encoded, _ = torch.nn.LSTM.forward(lstm, sequence)
    return torch.cat(unpack_sequence(encoded))


@given(lengths=LENGTHS)
def test_output_and_gradients_are_those_of_packed_sequences(lengths: list[int]) -> None:
    torch.manual_seed(0)
    lstm = SentenceLstm(5, 4, 2, dropout=0.0)
    vectors = torch.randn(sum(lengths), 5, requires_grad=True)
    wanted = torch.randn(sum(lengths), 8)
    gradients = []
    for encode in (lstm, lambda v, n: packed(lstm, v, n)):
        encoded = encode(vectors, lengths)
        found = torch.autograd.grad((encoded * wanted).sum(), [vectors, *lstm.parameters()])
        gradients.append([encoded.detach(), *found])
    for one, other in zip(*gradients, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)


@given(lengths=LENGTHS)
def test_buckets_hold_every_sentence_once(lengths: list[int]) -> None:
    found = buckets(lengths)
    assert sorted(i for bucket in found for i in bucket) == list(range(len(lengths)))
    for bucket in found:
        assert lengths[bucket[0]] == max(lengths[i] for i in bucket)


def test_lengths_unlike_each_other_are_padded_little() -> None:
    lengths = torch.randint(5, 150, (64,), generator=torch.Generator().manual_seed(0)).tolist()
    padded = sum(len(bucket) * lengths[bucket[0]] for bucket in buckets(lengths))
    assert padded < 1.25 * sum(lengths)


@pytest.mark.parametrize("training", [True, False])
def test_dropout_is_for_training_alone(training: bool) -> None:
    torch.manual_seed(0)
    lstm = SentenceLstm(5, 4, 2, dropout=0.5).train(training)
    vectors = torch.randn(7, 5)
    same = torch.equal(lstm(vectors, [3, 4]), lstm(vectors, [3, 4]))
    assert same is not training
