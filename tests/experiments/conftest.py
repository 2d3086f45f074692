from __future__ import annotations

from pathlib import Path

import pytest
import srsly

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def grid_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two systems of a tiny BiLSTM and two seeds, three updates each."""
    folder = tmp_path_factory.mktemp("grid")
    lines = (ROOT / "assets/sample/dev.json").read_text(encoding="utf-8").splitlines()
    (folder / "some.json").write_text("\n".join(lines[:40]) + "\n", encoding="utf-8")
    tok2vec = "components.bert_crf_ner.model.tok2vec"
    grid = {
        "config": str(ROOT / "configs/bilstm_crf.cfg"),
        "settings": {
            "training.max_epochs": 0,
            "training.max_steps": 3,
            "training.eval_frequency": 3,
            "training.batcher.size": 8,
            f"{tok2vec}.encode.hidden_width": 8,
            f"{tok2vec}.encode.depth": 1,
            f"{tok2vec}.embed.width": 16,
            f"{tok2vec}.embed.rows": [300],
        },
        "axes": {
            "loss": {
                "crf": {"components.bert_crf_ner.loss": "crf"},
                "softmax": {"components.bert_crf_ner.loss": "softmax"},
            }
        },
        "base": {"loss": "softmax"},
        "seeds": [0, 1],
        "corpora": {"sample": {"train": "some.json", "dev": "some.json"}},
    }
    srsly.write_yaml(folder / "tiny.yml", grid)
    return folder / "tiny.yml"
