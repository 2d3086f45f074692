"""Speed of finding entities: ours in each precision against the peers, on one encoder.

    python -m benchmarks.inference ENCODER TRAIN.spacy TEST.spacy --lang zh [--threads 2]

Every system gets a head trained on TRAIN while the encoder stays as it is, is saved, and is
loaded in a process of its own. The processes find the entities of TEST's texts in turn, in
`--rounds` parts after one to warm up with: what is read is new to them, as it is in use.
Printed as Markdown: median of the ratios of stock spaCy's time to the
system's, tokens a second, F1, and the process's peak memory. Peers that are not installed
(EDS-NLP with its extra `ml`, flair) are left out, and named.
"""

from __future__ import annotations

import hashlib
import multiprocessing
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from multiprocessing.connection import Connection
from pathlib import Path
from statistics import median
from typing import Any

import torch
import typer
from spacy.tokens import Doc

from benchmarks import peers, systems
from benchmarks.heads import Entity, read_docs
from benchmarks.timing import use_threads
from spacy_bioner.experiments.prepare import fingerprint
from spacy_bioner.optimization.convert import optimized
from spacy_bioner.optimization.worker import peak_memory


@dataclass(frozen=True)
class System:
    """prepare: what is trained and saved for it, shared by systems with the same one.

    ready: from what is loaded, and texts, to what is timed.
    """

    prepare: Callable[[systems.Setting, Path], None]
    load: Callable[[Path], Any]
    needs: str = "spacy"
    ready: Callable[[Any, list[str]], Callable[[], list[list[Entity]]]] = partial


STOCK = "spaCy `ner`, spacy-transformers"
ENCODER_ALONE = "our encoder alone, bfloat16"
_COMPARED = {STOCK, ENCODER_ALONE, "ours, float32", "ours, bfloat16"}


def prepare_int8(setting: systems.Setting, out: Path) -> None:
    import spacy

    ours = out.with_name("prepare_ours")
    optimized(spacy.load(ours), "int8").to_disk(out)


def all_systems(lang: str) -> dict[str, System]:
    """By name, in the order of the table; int8 comes after what it is made from."""
    ours, hugging_face = systems.prepare_ours, peers.prepare_hugging_face
    half = partial(peers.load_by_hand, dtype=torch.bfloat16)
    spacy = partial(systems.load_spacy, batch_size=systems.OURS)
    return {
        STOCK: System(
            systems.prepare_stock, partial(systems.load_spacy, batch_size=systems.STOCKS)
        ),
        f"{STOCK}, batch_size 1000": System(
            systems.prepare_stock, partial(systems.load_spacy, batch_size=1000)
        ),
        "ours, float32": System(ours, partial(spacy, precision="float32")),
        "ours, bfloat16": System(ours, partial(spacy, precision="bfloat16")),
        "ours, bfloat16, threshold 0.4": System(
            ours, partial(spacy, precision="bfloat16", threshold=0.4)
        ),
        "ours, int8": System(prepare_int8, spacy, "onnxruntime"),
        ENCODER_ALONE: System(
            ours,
            partial(systems.load_encoder_alone, precision="bfloat16"),
            ready=systems.ready_buckets,
        ),
        "Hugging Face pipeline": System(hugging_face, peers.load_pipeline),
        "Hugging Face by hand, float32": System(hugging_face, peers.load_by_hand),
        "Hugging Face by hand, bfloat16": System(hugging_face, half),
        "EDS-NLP `eds.ner_crf`": System(peers.prepare_eds, peers.load_eds, "edsnlp"),
        "flair": System(peers.prepare_flair, partial(peers.load_flair, lang=lang), "flair"),
    }


def serve(pipe: Connection, system: System, folder: Path, threads: int, cpu_time: bool) -> None:
    """In a process of its own: load, then time the texts that are sent until none are."""
    clock = time.process_time if cpu_time else time.perf_counter
    use_threads(threads)
    loaded = system.load(folder)
    while texts := pipe.recv():
        find = system.ready(loaded, texts)
        start = clock()
        entities = find()
        pipe.send((entities, clock() - start, peak_memory()))


@dataclass
class Result:
    entities: list[list[Entity]]
    seconds: list[float]
    memory: int = 0


def run(
    chosen: dict[str, System],
    folder: Path,
    parts: Sequence[list[str]],
    threads: int,
    cpu_time: bool,
) -> dict[str, Result]:
    """Start a process for each system and let them find the entities of each part in turn.

    The first part is to warm up: its entities are kept, its time is not.
    """
    context = multiprocessing.get_context("spawn")
    pipes = {}
    results = {name: Result([], []) for name in chosen}
    for name, system in chosen.items():
        pipes[name], other = context.Pipe()
        place = folder / system.prepare.__name__
        arguments = (other, system, place, threads, cpu_time)
        context.Process(target=serve, args=arguments, daemon=True).start()
        other.close()  # so that the end of the process is the end of the pipe
    for part in parts:
        for name, pipe in pipes.items():
            try:
                pipe.send(part)
                entities, seconds, results[name].memory = pipe.recv()
            except (EOFError, ConnectionError):
                raise SystemExit(f"{name}: its process ended before it had answered") from None
            results[name].entities += entities
            results[name].seconds.append(seconds)
    for name, pipe in pipes.items():
        pipe.send([])
        del results[name].seconds[0]
    return results


def f1(found: Sequence[Sequence[Entity]], gold: Sequence[Sequence[Entity]]) -> float:
    pairs = [(set(a), set(b)) for a, b in zip(found, gold, strict=True)]
    same, total = sum(len(a & b) for a, b in pairs), sum(len(a) + len(b) for a, b in pairs)
    return 2 * same / total if total else 1.0


def table(results: dict[str, Result], gold: Any, tokens: int) -> list[str]:
    """Rows of Markdown; agreement is that with ours in float32. tokens: of the parts timed."""
    stock, ours = results[STOCK].seconds, results["ours, float32"].entities
    lines = [
        "| system | times as fast as stock spaCy | tokens a second | F1 | agreement with ours, "
        "float32 | peak memory, MB |",
        "|---|---|---|---|---|---|",
    ]
    for name, result in results.items():
        ratio = median(a / b for a, b in zip(stock, result.seconds, strict=True))
        speed = tokens / sum(result.seconds)
        scores = f"{100 * f1(result.entities, gold):.2f} | {100 * f1(result.entities, ours):.2f}"
        if name == ENCODER_ALONE:
            scores = "- | -"
        memory = result.memory / 1e6
        lines.append(f"| {name} | {ratio:.2f} | {speed:,.0f} | {scores} | {memory:,.0f} |")
    share = [
        a / b
        for a, b in zip(
            results[ENCODER_ALONE].seconds, results["ours, bfloat16"].seconds, strict=True
        )
    ]
    return [*lines, "", f"Pipeline over its encoder alone, bfloat16: {median(share):.2f}"]


def parts_of(docs: Sequence[Doc], count: int) -> list[Sequence[Doc]]:
    """So many parts of documents, each drawn from the whole file."""
    if len(docs) < count:
        raise typer.BadParameter(f"{len(docs)} texts are too few for {count} parts")
    return [docs[i::count] for i in range(count)]


def digest_of(encoder: Path, train: Path, *settings: Any) -> str:
    """Of all that systems are prepared from, so that none is taken for another."""
    files = [train, *sorted(path for path in encoder.iterdir() if path.is_file())]
    made_of = fingerprint({"settings": settings}, files)
    return hashlib.sha256(made_of.encode()).hexdigest()[:8]


def prepare_once(system: System, setting: systems.Setting, folder: Path) -> None:
    """Prepare a system unless it is there, under a temporary name until it is whole."""
    place = folder / system.prepare.__name__
    if not place.exists():
        part = folder / f"{place.name}.part"
        shutil.rmtree(part, ignore_errors=True)
        system.prepare(setting, part)
        part.rename(place)


def main(
    encoder: Path,
    train: Path,
    test: Path,
    lang: str = "zh",
    folder: Path = Path("metrics/benchmark-inference"),
    limit: int = 0,
    train_limit: int = 2000,
    steps: int = 250,
    rounds: int = 5,
    threads: int = 1,
    cpu_time: bool = False,
    without: list[str] = [],  # noqa: B006 (typer's)
) -> None:
    """limit, train_limit: documents used; cpu_time: count the process's time, not the clock's."""
    chosen = {n: s for n, s in all_systems(lang).items() if not any(w in n for w in without)}
    if left := sorted(_COMPARED - chosen.keys()):
        raise typer.BadParameter(
            f"others are compared with these: {', '.join(left)}", ["--without"]
        )
    absent = [name for name, system in chosen.items() if find_spec(system.needs) is None]
    chosen = {name: system for name, system in chosen.items() if name not in absent}
    setting = systems.Setting(encoder, lang, read_docs(train, lang, train_limit), steps)
    docs = read_docs(test, lang, limit)
    parts = parts_of(docs, rounds + 1)
    torch.set_num_threads(threads)
    folder /= digest_of(encoder, train, lang, train_limit, steps)
    folder.mkdir(parents=True, exist_ok=True)
    for system in chosen.values():
        prepare_once(system, setting, folder)
    texts = [[doc.text for doc in part] for part in parts]
    results = run(chosen, folder, texts, threads, cpu_time)
    kind = "processor time" if cpu_time else "time"
    tokens = sum(len(doc) for part in parts[1:] for doc in part)
    gold = [[(e.start_char, e.end_char, e.label_) for e in d.ents] for p in parts for d in p]
    print(f"{len(docs):,} texts in {rounds + 1} parts, of which {rounds} with {tokens:,} tokens")
    print(f"are timed, {threads} threads, {kind}\n")
    print("\n".join(table(results, gold, tokens)))
    if absent:
        print(f"\nNot installed, left out: {', '.join(absent)}")


if __name__ == "__main__":
    typer.run(main)
