"""The state of a run, written so that a kill at any moment loses nothing that was saved."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import torch

from spacy_bioner.encoders.pretraining.optimizers import Optimizers
from spacy_bioner.errors import EncoderError, in_one_line

_STATE = "state.pt"
_LOG = "log.jsonl"
_LOCK = "lock"


@dataclass(slots=True)
class Progress:
    """How far a run is. step: updates made. seconds: spent on them.

    losses: sum over the steps that the log does not have yet.
    """

    step: int = 0
    seconds: float = 0.0
    losses: float = 0.0


def _locked(folder: Path) -> IO[str]:
    """A file that no other process can lock while it is open; on Windows all can.

    Raises EncoderError while another process has it.
    """
    file = (folder / _LOCK).open("w", encoding="utf-8")
    if sys.platform != "win32":
        import fcntl

        try:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise EncoderError(
                f"{folder}: another process trains in it. Wait for its end, or name another folder."
            ) from None
    return file


class RunFolder:
    """The folder of an unfinished run: its state and its log.

    identity: what two halves of one run must share. kept: files and folders in it that a run
    that begins anew needs; None for one that goes on.

    Raises EncoderError while another process has a run in it.
    """

    def __init__(
        self, path: Path, identity: dict[str, Any], kept: Collection[Path] | None = None
    ) -> None:
        self.path = path
        self._kept = kept
        self._identity = json.loads(json.dumps(identity))
        path.mkdir(parents=True, exist_ok=True)
        self._lock = _locked(path)

    @property
    def log_path(self) -> Path:
        """A JSON object a line: what was measured at which step."""
        return self.path / _LOG

    def _clear(self, kept: Collection[Path]) -> None:
        """Delete what runs before have left, but these files and folders."""
        for path in [*self.path.iterdir(), *self.path.glob("tokens/*")]:
            if path in kept or path.name in (_LOCK, "tokens"):
                continue
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink()

    def save(self, model: torch.nn.Module, optimizers: Optimizers, at: Progress) -> None:
        """Write the state under a temporary name and rename it.

        Raises EncoderError where it cannot be written; the state before stays.
        """
        state = {
            "identity": self._identity,
            "model": model.state_dict(),
            "optimizers": optimizers.state_dict(),
            "progress": [at.step, at.seconds, at.losses],
        }
        temporary = self.path / (_STATE + ".tmp")
        try:
            with temporary.open("wb") as file:
                torch.save(state, file)
                file.flush()
                os.fsync(file.fileno())
            temporary.rename(self.path / _STATE)
        except (RuntimeError, OSError) as error:  # torch's own on a full disk is the first
            raise EncoderError(
                f"{self.path / _STATE}: cannot be written, as where the disk is full "
                f"({in_one_line(error)}). Make room, and give the same command again."
            ) from error
        finally:
            temporary.unlink(missing_ok=True)

    def load(self, model: torch.nn.Module, optimizers: Optimizers) -> Progress:
        """Bring model and optimizers to the saved state, if there is one, and say how far it is.

        A run that begins anew deletes now what those before have left: all that may be wrong with
        it is known. Raises EncoderError if the state is of other settings, or unreadable.
        """
        path = self.path / _STATE
        if self._kept is not None:
            self._clear(self._kept)
        if not path.exists():
            self._cut_log(0)
            return Progress()
        try:
            state = torch.load(path, map_location="cpu", weights_only=True)
        except Exception as error:
            raise EncoderError(
                f"{path}: cannot be read ({error}). Delete it to begin anew."
            ) from None
        self._check(state["identity"])
        model.load_state_dict(state["model"])
        optimizers.load_state_dict(state["optimizers"])
        at = Progress(*state["progress"])
        self._cut_log(at.step)
        return at

    def _check(self, other: dict[str, Any]) -> None:
        names = self._identity.keys() | other.keys()
        unlike = sorted(n for n in names if self._identity.get(n) != other.get(n))
        if unlike:
            raise EncoderError(
                f"{self.path}: holds a run with other settings ({', '.join(unlike)}). Give "
                "those again to go on with it, or --fresh to begin anew."
            )

    def _cut_log(self, step: int) -> None:
        """Drop what was logged after the saved state: it is about to happen again."""
        if not self.log_path.exists():
            return
        lines = self.log_path.read_text(encoding="utf-8").splitlines()
        kept = [line for line in lines if line.endswith("}") and json.loads(line)["step"] <= step]
        temporary = self.log_path.with_suffix(".tmp")
        temporary.write_text("".join(line + "\n" for line in kept), encoding="utf-8")
        temporary.rename(self.log_path)

    def log(self, entry: dict[str, float]) -> None:
        """Append a line to the log."""
        with self.log_path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(entry) + "\n")

    def has_logged(self, step: int, name: str) -> bool:
        """Whether the log has a figure of this name at a step."""
        if not self.log_path.exists():
            return False
        lines = map(json.loads, self.log_path.read_text(encoding="utf-8").splitlines())
        return any(line["step"] == step and name in line for line in lines)

    def finish(self) -> None:
        """Remove the state, whose weights the finished encoder holds."""
        (self.path / _STATE).unlink(missing_ok=True)
