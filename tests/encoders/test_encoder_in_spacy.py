from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import spacy
from spacy.language import Language

from spacy_bioner.encoders.make_encoder import EncoderSummary

pytest.importorskip("spacy_transformers")


def pipeline(encoder: Path, window: int) -> Language:
    nlp = spacy.blank("zh")
    spans = {"@span_getters": "spacy-transformers.strided_spans.v1"}
    model = {
        "@architectures": "spacy-transformers.TransformerModel.v3",
        "name": str(encoder),
        "get_spans": {**spans, "window": window, "stride": window * 3 // 4},
    }
    nlp.add_pipe("transformer", config={"model": model})
    nlp.initialize()
    return nlp


def test_encoder_in_spacy_gives_every_character_a_vector(summary: EncoderSummary) -> None:
    doc = pipeline(summary.path, window=24)("病人服用Metformin500mg與COVID-19疫苗")
    data = doc._.trf_data
    assert data.model_output.last_hidden_state.shape[-1] == 16
    assert (data.align.lengths > 0).all()


def test_encoder_in_spacy_reads_texts_longer_than_its_longest_input(
    summary: EncoderSummary,
) -> None:
    doc = pipeline(summary.path, window=24)("糖尿病患者" * 30)
    assert len(doc) == 150
    assert (doc._.trf_data.align.lengths > 0).all()


def test_encoder_in_spacy_cuts_spans_longer_than_its_longest_input(
    summary: EncoderSummary,
) -> None:
    doc = pipeline(summary.path, window=100)("糖尿病患者" * 20)
    assert doc._.trf_data.model_output.last_hidden_state.shape[1] == 32


def test_encoder_in_spacy_survives_the_disk(summary: EncoderSummary, tmp_path: Path) -> None:
    nlp = pipeline(summary.path, window=24)
    nlp.to_disk(tmp_path / "pipeline")
    loaded = spacy.load(tmp_path / "pipeline")
    before, after = (
        each("血糖 metformin")._.trf_data.model_output.last_hidden_state for each in (nlp, loaded)
    )
    np.testing.assert_allclose(before, after, atol=1e-6)
