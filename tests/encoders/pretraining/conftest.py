from __future__ import annotations

import random
from pathlib import Path

import pytest


@pytest.fixture
def texts(tmp_path: Path) -> Path:
    """A file in which each of a few sentences returns, so that hidden words can be guessed."""
    rng = random.Random(0)
    sentences = [
        "病人服用阿斯匹靈後頭痛緩解。",
        "醫師建議控制血糖與血壓。",
        "Metformin 500mg 一天兩次。",
    ]
    path = tmp_path / "texts.txt"
    path.write_text("".join(rng.choice(sentences) + "\n" for _ in range(600)), encoding="utf-8")
    return path
