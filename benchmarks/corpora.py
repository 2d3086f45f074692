"""Converting corpora: MB/s of each format, and the most memory a large input takes.

    python -m benchmarks.corpora [CORPUS ...] [--megabytes 10] [--formats pubtator,brat]
    python -m benchmarks.corpora --megabytes 1000 --formats pubtator --to prodigy

The documents of a corpus (default: the sample corpus) are repeated under new ids, written
in each format until there are so many megabytes, and then, each in a process of its own,
read (and thrown away) and converted to a folder of .spacy files (or what --to says). MB/s are
megabytes of the input a second of CPU time; the ratio compares with reading JSON lines of
the same documents by `json.loads` alone, in the same run. Memory is the process' peak; the
last line tells that of a process that only imports all this.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from spacy_bioner.corpora.convert import TOKENS_PER_FILE, convert
from spacy_bioner.corpora.docbin import DEFAULT
from spacy_bioner.corpora.document import Document
from spacy_bioner.corpora.reading import expand_inputs, read_corpus
from spacy_bioner.corpora.sinks import write_format, write_spacy
from spacy_bioner.corpora.tokenizers import blank_pipeline
from spacy_bioner.corpora.writers import WRITERS
from spacy_bioner.corpora.writing_log import WriteLog

SAMPLE = Path(__file__).parents[1] / "assets" / "sample" / "train.json"


def repeated(documents: list[Document], characters: int) -> Iterator[Document]:
    """The documents again and again, under new ids, until so many characters are given."""
    number = given = 0
    while given < characters:
        for document in documents:
            number += 1
            given += len(document.text)
            yield replace(document, id=f"{number:08}")


def write_input(documents: list[Document], format: str, path: Path, megabytes: float) -> float:
    """Write about so many megabytes in a format; return how many there are."""
    trial = path.with_name(f"{path.name}-trial")
    write(repeated(documents, 1), format, trial)
    bytes_a_character = size(trial) / sum(len(d.text) for d in documents)
    write(repeated(documents, int(megabytes * 1e6 / bytes_a_character)), format, path)
    return size(path) / 1e6


def write(documents: Iterator[Document], format: str, path: Path) -> None:
    """Write documents; .spacy files as a folder of many, each of which is read as a whole."""
    nlp, log = blank_pipeline("en"), WriteLog()
    if format == "spacy":
        write_spacy(documents, path, nlp, DEFAULT, log=log, per_file=TOKENS_PER_FILE)
    else:
        write_format(documents, path, WRITERS[format], nlp, DEFAULT, log=log)


def size(path: Path) -> int:
    files = [path] if path.is_file() else [p for p in path.rglob("*") if p.is_file()]
    return sum(file.stat().st_size for file in files)


def measure(task: str, format: str, path: Path, lang: str) -> tuple[float, float]:
    """CPU seconds and peak megabytes of one task (a target format, or see `run_task`)."""
    command = [sys.executable, "-m", "benchmarks.corpora", "run", task, format, str(path), lang]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    seconds, peak = json.loads(done.stdout)
    return seconds, peak


def run_task(task: str, format: str, path: str, lang: str) -> None:
    """Do the task in this process and print its CPU seconds and the process' peak megabytes."""
    nlp = blank_pipeline(lang)
    start = time.process_time()
    if task == "json":
        with open(path, encoding="utf-8") as lines:
            for line in lines:
                json.loads(line)
    elif task == "read":
        for file in expand_inputs([path], format):
            for _ in read_corpus(file, format):
                pass
    elif task != "import":
        with tempfile.TemporaryDirectory() as folder:
            convert([path], Path(folder) / "out", nlp=nlp, format=format, to=task)
    print(json.dumps([time.process_time() - start, peak_megabytes()]))


def peak_megabytes() -> float:
    """The most memory that this process has held, on Linux.

    Not getrusage: there a new process begins with the peak of the one that started it.
    """
    status = Path("/proc/self/status").read_text(encoding="ascii")
    line = next(line for line in status.splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) / 1e3


def main(
    corpora: Annotated[list[Path] | None, typer.Argument(help="Any corpus files.")] = None,
    megabytes: Annotated[float, typer.Option(help="Size of each input.")] = 10,
    formats: Annotated[str, typer.Option(help="Names with commas between; all: all.")] = "all",
    lang: Annotated[str, typer.Option(help="Whose tokenizer to use.")] = "zh",
    to: Annotated[str, typer.Option(help="What to convert to; nothing: only read.")] = "spacy",
) -> None:
    """Print a table of MB/s and peak memory by format."""
    documents = [d for path in corpora or [SAMPLE] for d in read_corpus(path)]
    names = ["spacy", *WRITERS] if formats == "all" else formats.split(",")
    with tempfile.TemporaryDirectory() as folder:
        lines = Path(folder) / "lines"
        megabytes_of_lines = write_input(documents, "doccano", lines, min(megabytes, 10))
        baseline = megabytes_of_lines / measure("json", "", lines, lang)[0]
        print(f"json.loads of JSON lines: {baseline:.1f} MB/s")
        print("format          |     MB | read MB/s | of json | peak MB | convert MB/s | peak MB")
        for name in names:
            path = Path(folder) / name
            written = write_input(documents, name, path, megabytes)
            seconds, peak = measure("read", name, path, lang)
            row = [f"{written / seconds:9.1f}", f"{written / seconds / baseline:7.2f}"]
            row.append(f"{peak:7.0f}")
            if to != "nothing":
                seconds, peak = measure(to, name, path, lang)
                row += [f"{written / seconds:12.2f}", f"{peak:7.0f}"]
            print(" | ".join([f"{name:<15}", f"{written:6.1f}", *row]), flush=True)
        print(f"imports alone: {measure('import', '', lines, lang)[1]:.0f} MB")


if __name__ == "__main__":
    if sys.argv[1:2] == ["run"]:
        run_task(*sys.argv[2:6])
    else:
        typer.run(main)
