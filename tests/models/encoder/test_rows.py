from __future__ import annotations

import numpy as np
import torch
from thinc.api import NumpyOps

from spacy_bioner.models.encoder.buckets import BucketSizes
from spacy_bioner.models.encoder.rows import Rows

CPU, OPS = torch.device("cpu"), NumpyOps()


def rows_of(*lengths: int, window: int = 30, multiple: int = 4) -> Rows:
    documents = [np.arange(2, 2 + n, dtype=np.int64)[None] for n in lengths]
    return Rows(documents, 1, CPU, BucketSizes(1024, multiple), window)


def test_no_row_is_padded_beyond_the_window() -> None:
    (bucket,) = rows_of(30, 29).buckets()
    assert bucket.ids.shape == (2, 30)
    (bucket,) = rows_of(26, 25).buckets()
    assert bucket.ids.shape == (2, 28)
    assert bucket.mask.sum(1).tolist() == [26, 25]
    (unpadded,) = rows_of(26, 25, multiple=1).buckets()
    assert unpadded.ids.shape == (2, 26)
    assert set(bucket.ids[bucket.mask == 0].tolist()) == {1}


def test_states_and_gradients_find_their_documents() -> None:
    rows = rows_of(5, 30, 12)
    outputs = [bucket.ids.unsqueeze(-1).float() for bucket in rows.buckets()]
    states = rows.empty_states(OPS, 1)
    for bucket, output in enumerate(outputs):
        rows.fill(states, bucket, output)
    assert [state.shape for state in states] == [(1, 5, 1), (1, 30, 1), (1, 12, 1)]
    assert all((s[0, :, 0] == np.arange(2, 2 + s.shape[1])).all() for s in states)
    gradients = rows.gradients(states, outputs)
    for bucket, output, gradient in zip(rows.buckets(), outputs, gradients, strict=True):
        assert torch.equal(gradient, output * bucket.mask.unsqueeze(-1))
