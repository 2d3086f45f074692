"""Runs that end well, fail, are interrupted or killed; and the same elsewhere."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import torch

from spacy_bioner.errors import ConfigError
from spacy_bioner.experiments import run as run_module
from spacy_bioner.experiments import runner
from spacy_bioner.experiments.grid import read_grid
from spacy_bioner.experiments.prepare import prepare_runs
from spacy_bioner.experiments.run import Run, execute
from spacy_bioner.experiments.runner import run_all
from spacy_bioner.experiments.table import read_table
from spacy_bioner.models.workers import leave_cores_to_others
from tests.experiments import killed


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """In place of training: a run with seed 1 fails; the names of all that began."""
    begun: list[str] = []

    def train(run: Run, folder: Path) -> None:
        begun.append(Path(run.folder).name)
        (folder / "some.txt").write_text("x")
        if run.seed == 1:
            raise RuntimeError("out of luck")
        if run.seed == 2:
            raise KeyboardInterrupt
        (folder / "done.json").write_text('{"fingerprint": ""}')

    monkeypatch.setattr(run_module, "_train_and_score", train)
    return begun


def runs_in(folder: Path, seeds: list[int]) -> list[Run]:
    return [Run(str(folder / "c" / f"r{seed}"), "x.cfg", {}, "t.spacy", seed) for seed in seeds]


def test_done_runs_are_not_repeated(tmp_path: Path, fake: list[str]) -> None:
    runs = runs_in(tmp_path, [0, 3])
    told: list[Any] = []
    for _ in range(2):
        outcomes = run_all(runs, report=lambda run, outcome: told.append((run.seed, outcome)))
        assert list(outcomes.values()) == ["done", "done"]
    assert fake == ["r0", "r3"]
    assert told == [(0, "done"), (3, "done")]


def test_failed_run_leaves_its_error_and_is_tried_again(tmp_path: Path, fake: list[str]) -> None:
    runs = runs_in(tmp_path, [0, 1, 3])
    for _ in range(2):
        assert list(run_all(runs).values()).count("failed") == 1
    assert fake == ["r0", "r1", "r3", "r1"]
    assert sorted(path.name for path in (tmp_path / "c").iterdir()) == ["r0", "r1.failed", "r3"]
    assert "out of luck" in (tmp_path / "c/r1.failed/error.txt").read_text()


def test_a_run_that_succeeds_later_takes_its_failure_away(tmp_path: Path, fake: list[str]) -> None:
    (run,) = runs_in(tmp_path, [0])
    run.failure.mkdir(parents=True)
    assert execute(run) == "done"
    assert not run.failure.exists()


def test_interrupt_leaves_nothing(tmp_path: Path, fake: list[str]) -> None:
    with pytest.raises(KeyboardInterrupt):
        run_all(runs_in(tmp_path, [2]))
    assert list((tmp_path / "c").iterdir()) == []


def test_a_killed_process_costs_its_own_run_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "execute", killed.execute)
    runs = runs_in(tmp_path, [0, 1, 3, 4])
    outcomes = run_all(runs, jobs=2)
    assert {Path(name).name: outcome for name, outcome in outcomes.items()} == {
        "r0": "done", "r1": "failed", "r3": "done", "r4": "done"
    }  # fmt: skip
    assert "was killed" in (runs[1].failure / "error.txt").read_text()


def test_a_run_that_another_machine_had_done_first_is_done(
    tmp_path: Path, fake: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (run,) = runs_in(tmp_path, [0])
    train = run_module._train_and_score

    def two(run: Run, folder: Path) -> None:
        train(run, folder)
        Path(run.folder).mkdir()
        train(run, Path(run.folder))

    monkeypatch.setattr(run_module, "_train_and_score", two)
    assert execute(run) == "done"
    assert [path.name for path in (tmp_path / "c").iterdir()] == ["r0"]


def test_what_killed_runs_left_is_removed_and_what_lives_is_not(
    tmp_path: Path, fake: list[str]
) -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    host = socket.gethostname()
    names = [f".r0.{host}.{gone.pid}.part", f".r0.{host}.{os.getpid()}.part", ".r0.other.1.part"]
    for name in names:
        (tmp_path / "c" / name).mkdir(parents=True)
    run_all(runs_in(tmp_path, [3]))
    assert sorted(p.name for p in (tmp_path / "c").iterdir()) == sorted([*names[1:], "r3"])


@pytest.fixture(scope="module")
def here(grid_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The grid's runs, made in this process."""
    out = tmp_path_factory.mktemp("here")
    assert set(run_all(prepare_runs(read_grid(grid_file), out)).values()) == {"done"}
    return out


def scores_of(out: Path) -> dict[str, Any]:
    """All that is the same wherever a run is made, by its folder's name."""
    scores = {path.parent.name: json.loads(path.read_text()) for path in out.rglob("scores.json")}
    for values in scores.values():
        del values["training_seconds"], values["words_per_second"]
    return scores


@pytest.mark.slow
def test_run_keeps_what_explains_it(grid_file: Path, here: Path) -> None:
    folder = here / "sample" / "loss=crf,seed=1"
    names = {path.name for path in folder.iterdir()}
    assert names == {
        *("config.cfg", "run.json", "environment.json", "train.log", "log.jsonl"),
        *("scores.json", "predictions.spacy", "done.json"),
    }
    assert "seed = 1" in (folder / "config.cfg").read_text()
    environment = json.loads((folder / "environment.json").read_text())
    assert environment["threads"] == 1
    assert environment["packages"]["spacy"].startswith("3.8")
    scores = json.loads((folder / "scores.json").read_text())
    right, found, gold = map(sum, zip(*scores["documents"], strict=True))
    assert scores["f1"] == (2 * right / (found + gold) if right else 0)
    assert len(read_table(read_grid(grid_file), here, samples=100)) == 2


def runs_done(folder: Path) -> list[Path]:
    """Files of runs that are done, of a grid that is running."""
    try:
        found = list(folder.rglob("done.json"))
    except FileNotFoundError:  # a folder was renamed while it was read
        return []
    return [path for path in found if not any(".part" in name for name in path.parts)]


@pytest.mark.slow
def test_killed_grid_goes_on_without_repeating(grid_file: Path, here: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "spacy_bioner", "experiment", "run", str(grid_file)]
    command += ["--out", str(tmp_path / "out")]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    deadline = time.monotonic() + 240
    while len(done := runs_done(tmp_path / "out")) < 1:
        assert time.monotonic() < deadline
        assert process.poll() is None
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    before = {path: path.stat().st_mtime_ns for path in done}
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert all(path.stat().st_mtime_ns == time for path, time in before.items())
    assert f"4 runs, {len(before)} done, {4 - len(before)} to do" in text
    assert scores_of(tmp_path / "out") == scores_of(here)
    assert not list((tmp_path / "out").rglob("*.part"))


@pytest.mark.slow
@pytest.mark.parametrize("how", ["processes", "ray"])
def test_runs_elsewhere_score_the_same(
    grid_file: Path, here: Path, tmp_path: Path, how: str
) -> None:
    if how == "ray":
        pytest.importorskip("ray")
    runs = prepare_runs(read_grid(grid_file), tmp_path)
    outcomes = run_all(runs, jobs=2, ray="local" if how == "ray" else None)
    assert set(outcomes.values()) == {"done"}
    assert scores_of(tmp_path) == scores_of(here)


@pytest.mark.slow
def test_other_settings_under_the_same_name_are_refused(grid_file: Path, here: Path) -> None:
    changed = read_grid(grid_file).with_changes(settings={"training.max_steps": 4})
    with pytest.raises(ConfigError, match="was done with other settings"):
        prepare_runs(changed, here)


@pytest.mark.slow
def test_training_that_breaks_is_shown_with_its_log(grid_file: Path, tmp_path: Path) -> None:
    wrong = {"training.optimizer.beta1": 2.0}
    broken = read_grid(grid_file).with_changes(settings=wrong, seeds=[0])
    outcomes = run_all(prepare_runs(broken, tmp_path)[:1])
    assert list(outcomes.values()) == ["failed"]
    (error,) = tmp_path.rglob("error.txt")
    assert "betas must be" in error.read_text() + (error.parent / "train.log").read_text()


def test_a_part_of_an_earlier_process_of_the_same_number_is_begun_anew(
    tmp_path: Path, fake: list[str]
) -> None:
    (run,) = runs_in(tmp_path, [0])
    part = tmp_path / "c" / f".r0.{socket.gethostname()}.{os.getpid()}.part"
    part.mkdir(parents=True)
    (part / "half.txt").touch()
    assert run_all([run]) == {run.folder: "done"}
    assert not (Path(run.folder) / "half.txt").exists()


def threads_in_prediction(number: int) -> int:
    torch.set_num_threads(number)
    leave_cores_to_others()
    return torch.get_num_threads()


@pytest.mark.slow
def test_processes_predict_with_the_threads_that_were_asked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    with runner._pool(1, 2) as pool:
        assert pool.submit(threads_in_prediction, 2).result() == 2
