"""In place of a training: that of seed 1 is killed, as by the kernel when memory is short."""

from __future__ import annotations

import os
import signal
from pathlib import Path

from spacy_bioner.experiments.run import Outcome, Run


def execute(run: Run) -> Outcome:
    if run.seed == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    folder = Path(run.folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "done.json").touch()
    return "done"
