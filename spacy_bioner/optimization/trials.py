"""What is tried, one after another, to make a pipeline faster."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from spacy.language import Language

from spacy_bioner.optimization.compare import Comparison, compare
from spacy_bioner.optimization.convert import optimized
from spacy_bioner.optimization.onnx_export import NothingToSpareError


class Trial(NamedTuple):
    """path: of the saved pipeline; note: what it is; comparison: with the original."""

    path: Path
    note: str
    comparison: Comparison


def trials(
    nlp: Language, source: Path, form: str, dev: Path, folder: str, rounds: int
) -> Iterator[Trial]:
    """Optimised pipelines, fastest first, each saved under `folder` and compared with `source`.

    source: where `nlp` lies; form: "bfloat16" or "int8", which is made a second time with
    its most sensitive products in float32, with a warning where these are not known.
    """
    kinds = {form: False}
    if form == "int8":
        kinds["int8, the sensitive products in float32"] = True
    for note, spare in kinds.items():
        made = Path(folder) / note.replace(" ", "-")
        try:
            optimized(nlp, form, spare_sensitive=spare).to_disk(made)
        except NothingToSpareError as error:
            warnings.warn(str(error), stacklevel=2)
            return
        yield Trial(made, note, compare(source, made, dev, rounds))
