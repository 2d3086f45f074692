"""The shapes that models pass to one another."""

from __future__ import annotations

from spacy.tokens import Doc
from thinc.api import Model
from thinc.types import Floats2d, Ragged

Tok2Vec = Model[list[Doc], list[Floats2d]]
Emissions = Ragged  # dataXd (N, T): scores of T tags for N tokens; lengths (B,)
CrfTagger = Model[list[Doc], Emissions]
