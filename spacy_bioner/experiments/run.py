"""One training run: trained, scored on the test part, and kept in a folder of its own."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import platform
import shutil
import socket
import sys
import time
import traceback
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

from thinc.api import Model

DONE, SCORES, ERROR, LOG = "done.json", "scores.json", "error.txt", "log.jsonl"
MODEL = "model"
PREDICTIONS = "predictions.spacy"
PACKAGES = ("spacy_bioner", "spacy", "spacy-transformers", "thinc", "torch", "transformers")
Outcome = Literal["done", "failed"]


@dataclass(frozen=True)
class Run:
    """All that a run needs; the same fields give the same scores on the same machine.

    folder: where it is kept. config: the training config. overrides: of its settings.
    test: the .spacy file that is scored. gpu: its number, -1 for the CPU. threads: of
    torch, which change sums in the last digit. keep_model: else it is removed when scored.
    fingerprint: of all files and settings.
    """

    folder: str
    config: str
    overrides: dict[str, Any]
    test: str
    seed: int
    gpu: int = -1
    threads: int = 1
    keep_model: bool = False
    fingerprint: str = ""

    @property
    def is_done(self) -> bool:
        return (Path(self.folder) / DONE).is_file()

    @property
    def model(self) -> Path:
        """Where the trained pipelines are, if they are kept."""
        return Path(self.folder) / MODEL

    @property
    def failure(self) -> Path:
        """The folder that a failed run leaves."""
        return Path(f"{self.folder}.failed")


def execute(run: Run) -> Outcome:
    """Train and score; the folder appears whole, or as `<folder>.failed` with the error.

    Does nothing if the run is done. Interrupts are passed on and leave nothing.
    """
    if run.is_done:
        return "done"
    folder = Path(run.folder)
    part = folder.with_name(f".{folder.name}.{socket.gethostname()}.{os.getpid()}.part")
    shutil.rmtree(part, ignore_errors=True)  # of a process of the same number, in a container
    part.mkdir(parents=True)
    try:
        _train_and_score(run, part)
    except KeyboardInterrupt:
        shutil.rmtree(part)
        raise
    except (Exception, SystemExit):
        (part / ERROR).write_text(traceback.format_exc(), encoding="utf-8")
        shutil.rmtree(run.failure, ignore_errors=True)
        os.replace(part, run.failure)
        return "failed"
    shutil.rmtree(run.failure, ignore_errors=True)
    try:
        os.replace(part, folder)
    except OSError:
        if not run.is_done:  # else another machine had it done first
            raise
        shutil.rmtree(part)
    return "done"


def fail(run: Run, reason: str) -> None:
    """Leave the folder of a failed run, where its own process could not."""
    run.failure.mkdir(parents=True, exist_ok=True)
    (run.failure / ERROR).write_text(reason, encoding="utf-8")


def _train_and_score(run: Run, folder: Path) -> None:
    import torch
    from spacy.cli.train import train
    from spacy.util import load_config

    torch.set_num_threads(run.threads)
    overrides = {**run.overrides, "training.seed": run.seed, "system.seed": run.seed}
    config = load_config(run.config, overrides=overrides, interpolate=False)
    config.to_disk(folder / "config.cfg")
    _write_json(folder / "run.json", asdict(run))
    _write_json(folder / "environment.json", environment())
    logging: dict[str, Any] = {}
    if "output_file" in config["training"].get("logger", {}):
        logging = {"training.logger.output_file": str(folder / LOG)}
        logging |= {"training.logger.progress_bar": None}
    started = time.perf_counter()
    with _output_to(folder / "train.log"):
        train(folder / "config.cfg", folder / MODEL, use_gpu=run.gpu, overrides=logging)
    seconds = time.perf_counter() - started
    scores = _score(run, folder)
    _write_json(folder / SCORES, {**scores, "training_seconds": seconds})
    if not run.keep_model:
        shutil.rmtree(folder / MODEL)
    _write_json(folder / DONE, {"fingerprint": run.fingerprint})


def _score(run: Run, folder: Path) -> dict[str, Any]:
    """Scores on the test part, and each document's counts, from which tables are computed."""
    import spacy

    from spacy_bioner.evaluation.cases import make_cases
    from spacy_bioner.evaluation.prediction import predict, write_docs
    from spacy_bioner.evaluation.scores import by_type, document_counts, macro, micro

    nlp = spacy.load(folder / MODEL / "model-best")
    prediction = predict(nlp, Path(run.test))
    write_docs(prediction.found, folder / PREDICTIONS)
    counts = document_counts(make_cases(prediction.gold, prediction.found))
    total, means = micro(counts), macro(counts)
    return {
        "precision": total.precision,
        "recall": total.recall,
        "f1": total.f1,
        "macro_f1": means.f1,
        "f1_by_type": {label: scores.f1 for label, scores in by_type(counts).items()},
        "parameters": sum(_sizes(nlp)),
        "words_per_second": prediction.words / prediction.seconds,
        "documents": counts.values.sum(axis=1).tolist(),
    }


def _sizes(nlp: Any) -> Iterator[int]:
    """Number of values of each layer of the pipeline's models."""
    models = (getattr(component, "model", None) for _, component in nlp.pipeline)
    for model in models:
        for node in model.walk() if isinstance(model, Model) else ():
            yield from (node.get_param(key).size for key in node.param_names if node.has_param(key))
            for shim in node.shims:
                yield from (parameter.numel() for parameter in shim._model.parameters())


@contextlib.contextmanager
def _output_to(path: Path) -> Iterator[None]:
    with (
        path.open("w", encoding="utf-8") as file,
        contextlib.redirect_stdout(file),
        contextlib.redirect_stderr(file),
    ):
        yield


def environment() -> dict[str, Any]:
    """What a run's numbers may depend on beside its settings."""
    import torch

    return {
        "python": sys.version.split()[0],
        "platform": platform.platform(),
        "host": socket.gethostname(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "gpus": [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())],
        "packages": {name: version(name) for name in PACKAGES},
    }


def _write_json(path: Path, data: Any) -> None:
    """All digits of every number: srsly rounds."""
    path.write_text(json.dumps(data, ensure_ascii=False, indent=1), encoding="utf-8")


def digest(path: Path) -> str:
    """SHA-256 of a file, or of the names and bytes of a folder's files."""
    sha = hashlib.sha256()
    for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
        if file.is_file():
            sha.update(file.name.encode())
            sha.update(file.read_bytes())
    return sha.hexdigest()
