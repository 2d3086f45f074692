"""What one pipeline on disk takes, measured in a process of its own.

python -m spacy_bioner.optimization.worker PIPELINE GOLD.spacy OUT.json REPEATS
"""

from __future__ import annotations

import gc
import json
import resource
import sys
import time
from pathlib import Path
from typing import Any


def peak_memory() -> int:
    """The most memory, in bytes, that this process has had."""
    status = Path("/proc/self/status")
    if status.exists():
        # not ru_maxrss, in which that of the parent process counts
        for line in status.read_text(encoding="utf-8").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def measure(pipeline: Path, gold: Path, repeats: int) -> dict[str, Any]:
    """Load time, times of `nlp.pipe` over the gold documents' texts, memory, entities, counts."""
    import spacy
    from spacy.training import Corpus

    from spacy_bioner.evaluation.cases import make_cases
    from spacy_bioner.evaluation.scores import document_counts, micro

    start = time.perf_counter()
    nlp = spacy.load(pipeline)
    load_seconds = time.perf_counter() - start
    examples = list(Corpus(gold)(nlp))
    seconds: list[float] = []
    found: list[Any] = []
    for _ in range(repeats + 1):  # the first warms up
        docs = [example.predicted.copy() for example in examples]
        found.clear()
        gc.collect()  # one comes by itself in thousands of documents, and would fall into some time
        start = time.perf_counter()
        found = [_without_states(doc) for doc in nlp.pipe(docs)]
        seconds.append(time.perf_counter() - start)
    counts = micro(document_counts(make_cases([e.reference for e in examples], found)))
    return {
        "load_seconds": load_seconds,
        "seconds": seconds[1:],
        "words": sum(map(len, found)),
        "memory": peak_memory(),
        "entities": [[(e.start_char, e.end_char, e.label_) for e in doc.ents] for doc in found],
        "counts": list(counts),
    }


def _without_states(doc: Any) -> Any:
    """A document without what a transformer has left in it, which counts as memory else."""
    if doc.has_extension("trf_data"):
        doc._.trf_data = None
    return doc


def main(arguments: list[str]) -> None:
    pipeline, gold, out, repeats = arguments
    found = measure(Path(pipeline), Path(gold), int(repeats))
    Path(out).write_text(json.dumps(found), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
