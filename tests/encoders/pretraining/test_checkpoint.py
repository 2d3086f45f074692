"""The folder of a run: one process at a time, and nothing lost where it cannot be written."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from spacy_bioner.encoders.pretraining.checkpoint import Progress, RunFolder
from spacy_bioner.encoders.pretraining.optimizers import build_optimizers
from spacy_bioner.encoders.pretraining.settings import PretrainingSettings
from spacy_bioner.errors import EncoderError

SETTINGS = PretrainingSettings(steps=2)


class Network(torch.nn.Linear):
    vocabulary_weights: frozenset[int] = frozenset()


@pytest.fixture
def network() -> Any:
    return Network(3, 3)


def test_what_cannot_be_written_leaves_the_state_before(
    tmp_path: Path, network: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, optimizers = RunFolder(tmp_path, {}), build_optimizers(network, SETTINGS)
    folder.save(network, optimizers, Progress(step=1))
    before = (tmp_path / "state.pt").read_bytes()

    def fill_the_disk(state: Any, file: Any) -> None:
        file.write(b"a part")
        raise RuntimeError("[enforce fail at inline_container.cc:672] . unexpected pos 64 vs 0")

    monkeypatch.setattr(torch, "save", fill_the_disk)
    with pytest.raises(EncoderError, match=r"state\.pt: cannot be written, .*unexpected pos"):
        folder.save(network, optimizers, Progress(step=2))
    assert (tmp_path / "state.pt").read_bytes() == before
    assert not list(tmp_path.glob("*.tmp"))


def test_a_folder_in_which_another_process_trains_is_refused(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path\n"
        "from spacy_bioner.encoders.pretraining.checkpoint import RunFolder\n"
        "folder = RunFolder(Path(sys.argv[1]), {})\n"
        "print('there', flush=True); sys.stdin.read()\n"
    )
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], **pipes) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "there\n"
        with pytest.raises(EncoderError, match="another process trains in it"):
            RunFolder(tmp_path, {})
        other.communicate("")
    RunFolder(tmp_path, {})
