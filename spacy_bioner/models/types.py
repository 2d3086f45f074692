"""The shapes that models pass to one another."""

from __future__ import annotations

from typing import TypeAlias

from spacy.tokens import Doc
from thinc.api import Model
from thinc.types import Floats2d, Ragged

Tok2Vec: TypeAlias = Model[list[Doc], list[Floats2d]]
Emissions: TypeAlias = Ragged  # dataXd (N, T): scores of T tags for N tokens; lengths (B,)
CrfTagger: TypeAlias = Model[list[Doc], Emissions]
