"""Where the time of a document goes: stock spaCy and ours, part by part.

    python -m benchmarks.parts STOCK_PIPELINE OUR_PIPELINE TEXTS.spacy [--precision bfloat16]

Both pipelines are those that `benchmarks.inference` leaves in its folder. Functions of each are
timed from without, each without what it calls that is timed too. Printed as Markdown:
microseconds of processor time a token.
"""

from __future__ import annotations

import gc
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import spacy
import torch
import typer
from spacy.language import Language
from spacy_transformers import data_classes
from spacy_transformers.layers import transformer_model
from thinc.shims.pytorch import PyTorchShim

from benchmarks.heads import read_docs
from spacy_bioner.models.encoder import streaming
from spacy_bioner.models.encoder.layout import Layout
from spacy_bioner.models.encoder.shim import EncoderShim
from spacy_bioner.models.encoder.wordpieces import Splitter
from spacy_bioner.pipeline import bert_crf_ner

PARTS = (
    "tokens of spaCy",
    "wordpieces",
    "alignment",
    "encoder",
    "vectors of tokens",
    "tagger",
    "setting entities",
    "everything else",
)


class Watch:
    """Adds up the time of functions by part, each without those that it calls."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)
        self._running: list[str] = []
        self._since = time.process_time()

    def _switch(self) -> None:
        now = time.process_time()
        part = self._running[-1] if self._running else "everything else"
        self.seconds[part] += now - self._since
        self._since = now

    def reset(self) -> None:
        self.seconds.clear()
        self._since = time.process_time()

    def over(self, function: Callable[..., Any], part: str) -> Callable[..., Any]:
        def timed(*args: Any, **settings: Any) -> Any:
            self._switch()
            self._running.append(part)
            try:
                return function(*args, **settings)
            finally:
                self._switch()
                self._running.pop()

        return timed

    def put(self, owner: Any, name: str, part: str) -> None:
        setattr(owner, name, self.over(getattr(owner, name), part))


def watch_libraries(watch: Watch) -> None:
    """Functions that all pipelines share."""
    watch.put(transformer_model, "huggingface_tokenize", "wordpieces")
    watch.put(transformer_model, "get_alignment_via_offset_mapping", "alignment")
    watch.put(data_classes.FullTransformerBatch, "split_by_doc", "alignment")
    watch.put(PyTorchShim, "predict", "encoder")
    watch.put(Splitter, "split", "wordpieces")
    Layout.of = classmethod(watch.over(Layout.of.__func__, "alignment"))  # type: ignore[attr-defined]
    watch.put(EncoderShim, "encode", "encoder")
    watch.put(streaming, "token_vectors", "vectors of tokens")
    watch.put(bert_crf_ner.BertCrfNer, "predict", "tagger")
    watch.put(bert_crf_ner.BertCrfNer, "set_annotations", "setting entities")


def watch_pipeline(nlp: Language, watch: Watch) -> None:
    nlp.make_doc = watch.over(nlp.make_doc, "tokens of spaCy")  # type: ignore[method-assign]
    for node in nlp.get_pipe(nlp.pipe_names[-1]).model.walk():
        if node.name == "trfs2arrays":
            node._func = watch.over(node._func, "vectors of tokens")


def times(pipeline: Path, texts: list[str], config: dict[str, str], watch: Watch) -> Any:
    nlp = spacy.load(pipeline, config=config)
    tokens = sum(len(nlp.make_doc(text)) for text in texts)
    list(nlp.pipe(texts[:64]))
    watch_pipeline(nlp, watch)
    gc.collect()  # or what the other pipeline left would be cleared away on this one's time
    watch.reset()
    for _ in nlp.pipe(texts):
        pass
    watch._switch()
    return {part: 1e6 * seconds / tokens for part, seconds in watch.seconds.items()}


def main(
    stock: Path, ours: Path, texts: Path, limit: int = 500, precision: str = "bfloat16"
) -> None:
    """stock `ner` is written in Cython and timed as a whole, under `everything else`."""
    torch.set_num_threads(1)
    watch = Watch()
    watch_libraries(watch)
    lines = [doc.text for doc in read_docs(texts, spacy.load(ours).lang, limit)]
    setting = {"components.transformer.model.precision": precision}  # int8: of such a pipeline
    columns = [times(stock, lines, {}, watch), times(ours, lines, setting, watch)]
    print(f"| microseconds a token | stock | ours, {precision} |\n|---|---|---|")
    for part in PARTS:
        values = " | ".join(f"{column.get(part, 0.0):.1f}" for column in columns)
        print(f"| {part} | {values} |")
    print(f"| together | {' | '.join(f'{sum(column.values()):.1f}' for column in columns)} |")


if __name__ == "__main__":
    typer.run(main)
