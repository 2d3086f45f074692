"""Embedding layers for tests."""

from __future__ import annotations

from spacy.ml.featureextractor import FeatureExtractor
from thinc.api import HashEmbed, chain, list2ragged, ragged2list, with_array

from spacy_bioner.models.types import Tok2Vec


def embed_words(width: int, rows: int) -> Tok2Vec:
    """By ORTH, so that words that differ in case alone have vectors of their own."""
    table = with_array(HashEmbed(nO=width, nV=rows, column=0, seed=1))
    layer = chain(FeatureExtractor(["ORTH"]), list2ragged(), table, ragged2list())
    layer.set_dim("nO", width)
    return layer
