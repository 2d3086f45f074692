from __future__ import annotations

import platform

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn.utils.rnn import pack_sequence, unpack_sequence

from spacy_bioner.models.encoder import precision
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


def test_prediction_is_without_dropout_while_another_thread_ends_its_own() -> None:
    torch.manual_seed(0)
    lstm = SentenceLstm(5, 4, 2, dropout=0.5)
    vectors = torch.randn(7, 5)
    expected = outputs(lstm, vectors, [3, 4])
    lstm.train()  # as the thread does
    with torch.no_grad():
        assert torch.equal(lstm(vectors, [3, 4]), expected)


def outputs(lstm: SentenceLstm, vectors: torch.Tensor, lengths: list[int]) -> torch.Tensor:
    with torch.no_grad():
        return lstm.eval()(vectors, lengths)


@pytest.fixture
def on_fast_processor(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(precision, "has_fast_bfloat16", lambda device: device == "cpu")
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")


@pytest.mark.parametrize(("setting", "is_exact"), [("float32", True), ("auto", False)])
@pytest.mark.usefixtures("on_fast_processor")
def test_prediction_is_in_bfloat16_where_it_may_be(setting: str, is_exact: bool) -> None:
    torch.manual_seed(0)
    lstm, plain = (SentenceLstm(8, 16, 2, dropout=0.4, precision=p) for p in (setting, "float32"))
    plain.load_state_dict(lstm.state_dict())
    vectors = torch.randn(40, 8)
    found, wanted = (outputs(each, vectors, [7, 30, 3]) for each in (lstm, plain))
    assert found.dtype == torch.float32
    assert torch.equal(found, wanted) is is_exact
    torch.testing.assert_close(found, wanted, rtol=0, atol=0.02)


@pytest.mark.usefixtures("on_fast_processor")
def test_training_is_in_float32() -> None:
    torch.manual_seed(0)
    lstm, plain = (SentenceLstm(8, 16, 2, dropout=0.0, precision=p) for p in ("auto", "float32"))
    plain.load_state_dict(lstm.state_dict())
    vectors = torch.randn(10, 8)
    assert torch.equal(lstm(vectors, [6, 4]), plain(vectors, [6, 4]))


def test_what_is_no_x86_processor_predicts_in_float32(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(precision, "has_fast_bfloat16", lambda device: True)
    monkeypatch.setattr(platform, "machine", lambda: "aarch64")
    lstm, vectors = SentenceLstm(8, 16, 1, dropout=0.0, precision="auto"), torch.randn(5, 8)
    before = outputs(lstm, vectors, [5])
    lstm.precision = "float32"
    assert torch.equal(outputs(lstm, vectors, [5]), before)


@given(lengths=LENGTHS, threads=st.integers(2, 3))
def test_training_on_threads_drops_and_learns_the_same(lengths: list[int], threads: int) -> None:
    torch.manual_seed(0)
    lstm, vectors = SentenceLstm(5, 4, 2, dropout=0.4), torch.randn(sum(lengths), 5)
    vectors.requires_grad_()
    before = torch.get_num_threads()
    found = []
    try:
        for count in (1, threads):
            torch.set_num_threads(count)
            torch.manual_seed(1)
            encoded = lstm(vectors, lengths)
            found.append(
                [encoded, *torch.autograd.grad(encoded.sum(), [vectors, *lstm.parameters()])]
            )
    finally:
        torch.set_num_threads(before)
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(other, one, rtol=1e-4, atol=1e-5)


@given(lengths=LENGTHS, threads=st.integers(1, 3))
def test_threads_change_nothing(lengths: list[int], threads: int) -> None:
    torch.manual_seed(0)
    lstm, vectors = SentenceLstm(5, 4, 2, dropout=0.0), torch.randn(sum(lengths), 5)
    before = torch.get_num_threads()
    wanted = lstm.eval()(vectors, lengths).detach()
    try:
        torch.set_num_threads(threads)
        found = outputs(lstm, vectors, lengths)
    finally:
        torch.set_num_threads(before)
    assert not found.requires_grad
    torch.testing.assert_close(found, wanted, rtol=1e-5, atol=1e-6)
