from __future__ import annotations

import warnings
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from spacy_bioner.encoders.pretraining.blocks import BlockReader
from spacy_bioner.encoders.pretraining.tokens import TokenStream
from spacy_bioner.errors import EncoderError
from spacy_bioner.rawtext.shards import Shard

LENGTH, START, END = 10, 1, 2


def stream(name: str, weight: float, first: int, n: int) -> TokenStream:
    """A shard whose tokens are `first`, `first + 1`, ..., so that each block is unlike others."""
    values = np.arange(first, first + n, dtype=np.uint32)
    return TokenStream(Shard(Path(name), weight), values)


def reader(*streams: TokenStream) -> BlockReader:
    return BlockReader(streams, LENGTH, START, END, seed=0)


def test_a_pass_reads_each_block_as_often_as_its_weight_says() -> None:
    blocks = reader(stream("a", 2.0, 1000, 80), stream("b", 1.0, 5000, 80))
    held_out = {row[1] for row in blocks.held_out().ids}
    n = 3 * (10 - 1)
    seen = Counter(row[1] for step in range(n) for row in blocks.train(step, 1).ids)
    assert not set(seen) & held_out
    assert {first: times for first, times in seen.items() if times != 2 - (first >= 5000)} == {}
    assert (len(held_out), len(seen)) == (2, 18)


def test_fractions_of_a_weight_are_drawn_anew_for_each_pass() -> None:
    blocks = reader(stream("a", 0.5, 1000, 16_000))
    seen = Counter(row[1] for step in range(20) for row in blocks.train(step, 200).ids)
    drawn = sum(seen.values())
    assert drawn == 4000
    assert 0.8 < len(seen) / 1990 < 1, "four passes of half leave one of sixteen unread"


def test_a_step_follows_from_its_number_alone() -> None:
    streams = [stream("a", 1.5, 1000, 400), stream("b", 0.7, 5000, 400)]
    forwards = [reader(*streams).train(step, 7).ids for step in range(40)]
    backwards = reader(*streams)
    for step in reversed(range(40)):
        np.testing.assert_array_equal(backwards.train(step, 7).ids, forwards[step])


def test_blocks_begin_and_end_with_their_special_tokens() -> None:
    ids = reader(stream("a", 1.0, 1000, 80)).train(0, 3).ids
    assert ids.shape == (3, LENGTH)
    assert set(ids[:, 0]) == {START}
    assert set(ids[:, -1]) == {END}
    assert (np.diff(ids[:, 1:-1]) == 1).all()


def test_passes_that_read_nothing_are_passed_over_however_many() -> None:
    blocks = reader(stream("a", 0.02, 1000, 160))
    assert all(len(blocks.train(step, 1).ids) == 1 for step in range(60))
    with pytest.raises(EncoderError, match="so low that no block is ever read"):
        reader(stream("a", 1e-9, 1000, 160)).train(0, 1)


def test_too_little_text_is_refused() -> None:
    with pytest.raises(EncoderError, match="too short"):
        reader(stream("a", 1.0, 1000, 9))


def test_texts_too_short_for_their_weight_are_told_of() -> None:
    long = stream("long", 1.0, 1000, 200)
    for n in (7, 15):
        with pytest.warns(UserWarning, match=r"terms: with weight 3 too short .* of 10 tokens"):
            reader(long, stream("terms", 3.0, 5000, n))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        reader(long, stream("terms", 3.0, 5000, 16))
    with pytest.warns(UserWarning, match=r"^few: with weight 1 too short"):
        reader(stream("long", 1.0, 10_000, 2000), stream("few", 1.0, 5000, 7))


def test_short_texts_of_a_weight_are_read_as_one() -> None:
    notes = [stream(f"note{i}", 1.0, 100 * i, 12) for i in range(1, 101)]
    blocks = reader(*notes, *(stream(f"twice{i}", 2.0, 20_000 + 100 * i, 12) for i in range(10)))
    held_out = blocks.held_out().ids[:, 1:-1]
    n = 135 + 2 * 13
    read = [blocks.train(step, 1).ids[0, 1:-1] for step in range(n)]
    times = Counter(np.concatenate(read).tolist())
    assert len(held_out) == 15 + 2
    for note in (*notes, stream("twice", 2.0, 20_000, 12)):
        values = note.values[: 8 if note.shard.weight == 2 else None].tolist()
        found = [times[value] for value in values if value not in held_out]
        assert set(found) <= {int(note.shard.weight)}
