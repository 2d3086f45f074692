from __future__ import annotations

from pathlib import Path

import pytest
import spacy
from spacy.language import Language

SHARED_DATA = Path(__file__).resolve().parents[2].parent / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real corpora, in `shared` beside the project."""
    if not SHARED_DATA.is_dir():
        pytest.skip(f"the real corpora are not there: {SHARED_DATA}")
    return SHARED_DATA


@pytest.fixture(scope="session")
def zh() -> Language:
    return spacy.blank("zh")


@pytest.fixture(scope="session")
def en() -> Language:
    return spacy.blank("en")
