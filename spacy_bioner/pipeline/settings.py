"""The settings of the component that concern decoding and confidences, checked."""

from __future__ import annotations

import threading
from dataclasses import dataclass

from thinc.api import Config

from spacy_bioner.errors import ConfigError

DEFAULT_CONFIG = Config().from_str(
    """
[bert_crf_ner]
loss = "crf"
scheme = "BIO"
scores = false
threshold = 0.0
candidates_floor = null
preset = "overwrite"
snap_runs = null
incorrect_spans_key = null
adversarial = 0.0
r_drop = 0.0
scorer = {"@scorers": "spacy.ner_scorer.v1"}

[bert_crf_ner.model]
@architectures = "spacy_bioner.CrfTagger.v1"
hidden_width = 256
activation = "gelu"
backend = "packed"

[bert_crf_ner.model.tok2vec]
@architectures = "spacy-transformers.TransformerListener.v1"
grad_factor = 1.0
upstream = "*"

[bert_crf_ner.model.tok2vec.pooling]
@layers = "reduce_mean.v1"
"""
)["bert_crf_ner"]

PRESETS = ("overwrite", "respect")


@dataclass
class Decoding:
    """How entities are found. Not saved with the weights: the config holds it.

    scores: compute the probability of each entity. threshold: entities below it are
    left out. candidates_floor: probability from which spans that are no entities are
    kept as candidates; None for no candidates. preset: what becomes of entities that are
    set already. snap_runs: no boundary within runs of Latin letters and digits.
    """

    scores: bool = False
    threshold: float = 0.0
    candidates_floor: float | None = None
    preset: str = "overwrite"
    snap_runs: bool = False

    def check(self, name: str, loss: str) -> None:
        """Raises ConfigError for values that cannot work."""
        where = f"[components.{name}]"
        if self.preset not in PRESETS:
            raise ConfigError(f"{where} preset = {self.preset!r}: use one of {list(PRESETS)}")
        if not 0 <= self.threshold <= 1:
            raise ConfigError(f"{where} threshold = {self.threshold}: use a number from 0 to 1")
        floor = self.candidates_floor
        if floor is not None and not 0 < floor <= 1:
            raise ConfigError(f"{where} candidates_floor = {floor}: use a number above 0, to 1")
        if loss == "softmax" and (self.needs_lattice or self.snap_runs):
            raise ConfigError(
                f"{where} scores, threshold, candidates_floor, preset and snap_runs need the "
                'CRF, and loss = "softmax" has none. Use loss = "crf", or leave them out.'
            )

    @property
    def needs_scores(self) -> bool:
        return self.scores or self.threshold > 0 or self.candidates_floor is not None

    @property
    def needs_lattice(self) -> bool:
        return self.needs_scores or self.preset == "respect"


def this_thread() -> int:
    """A number for the thread that runs; 0 for a process's first, in each process."""
    thread = threading.current_thread()
    return 0 if thread is threading.main_thread() else threading.get_ident()
