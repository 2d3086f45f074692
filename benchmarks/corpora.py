"""Converting corpora: MB/s of each format, and the most memory a large input takes.

    python -m benchmarks.corpora [CORPUS ...] [--megabytes 10] [--formats pubtator,brat]
    python -m benchmarks.corpora --megabytes 1000 --formats pubtator --no-tokenise

The documents of a corpus (default: the sample corpus) are repeated under new ids, written
in each format until there are so many megabytes, and then, each in a process of its own,
read (and thrown away) and converted to a folder of .spacy files. MB/s are megabytes of
the input file a second, on one core; the ratio compares with reading JSON lines of the
same documents by `json.loads` alone, in the same run. Memory is the process' peak.
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

import spacy
import typer

from spacy_bioner.corpora.convert import convert
from spacy_bioner.corpora.docbin import DEFAULT
from spacy_bioner.corpora.document import Document
from spacy_bioner.corpora.reading import read_corpus
from spacy_bioner.corpora.sinks import write_format
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
    nlp = spacy.blank("en")
    trial = path.with_name(f"{path.name}-trial")
    write_format(repeated(documents, 1), trial, WRITERS[format], nlp, DEFAULT, log=WriteLog())
    bytes_a_character = size(trial) / sum(len(d.text) for d in documents)
    wanted = int(megabytes * 1e6 / bytes_a_character)
    many = repeated(documents, wanted)
    write_format(many, path, WRITERS[format], nlp, DEFAULT, log=WriteLog())
    return size(path) / 1e6


def size(path: Path) -> int:
    files = [path] if path.is_file() else [p for p in path.rglob("*") if p.is_file()]
    return sum(file.stat().st_size for file in files)


def measure(task: str, format: str, path: Path, lang: str) -> tuple[float, float]:
    """Seconds and peak megabytes of one task, in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.corpora", "run", task, format, str(path), lang]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    seconds, peak = json.loads(done.stdout)
    return seconds, peak


def run_task(task: str, format: str, path: str, lang: str) -> None:
    """Do the task and print its seconds and the process' peak megabytes."""
    nlp = spacy.blank(lang) if task == "spacy" else None
    start = time.perf_counter()
    if task == "json":
        with open(path, encoding="utf-8") as lines:
            for line in lines:
                json.loads(line)
    elif nlp is None:
        for _ in read_corpus(path, format):
            pass
    else:
        with tempfile.TemporaryDirectory() as folder:
            convert([path], Path(folder) / "out", nlp=nlp, format=format)
    print(json.dumps([time.perf_counter() - start, peak_megabytes()]))


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
    tokenise: Annotated[bool, typer.Option(help="Convert too, not only read.")] = True,
) -> None:
    """Print a table of MB/s and peak memory by format."""
    documents = [d for path in corpora or [SAMPLE] for d in read_corpus(path)]
    names = list(WRITERS) if formats == "all" else formats.split(",")
    with tempfile.TemporaryDirectory() as folder:
        lines = Path(folder) / "lines"
        megabytes_of_lines = write_input(documents, "doccano", lines, min(megabytes, 10))
        baseline = megabytes_of_lines / measure("json", "", lines, lang)[0]
        print(f"json.loads of JSON lines: {baseline:.1f} MB/s")
        print("format          |     MB | read MB/s | of json | peak MB | .spacy MB/s | peak MB")
        for name in names:
            path = Path(folder) / name
            written = write_input(documents, name, path, megabytes)
            seconds, peak = measure("read", name, path, lang)
            row = [f"{written / seconds:9.1f}", f"{written / seconds / baseline:7.2f}"]
            row.append(f"{peak:7.0f}")
            if tokenise:
                seconds, peak = measure("spacy", name, path, lang)
                row += [f"{written / seconds:11.2f}", f"{peak:7.0f}"]
            print(" | ".join([f"{name:<15}", f"{written:6.1f}", *row]), flush=True)


if __name__ == "__main__":
    if sys.argv[1:2] == ["run"]:
        run_task(*sys.argv[2:6])
    else:
        typer.run(main)
