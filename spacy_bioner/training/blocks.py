"""Which block of a model a parameter belongs to, read from its name.

A block is what shares a learning rate: the embeddings, each layer of the
encoder (and decoder), and the classifier with the CRF. For a 12-layer BERT
these are the 14 blocks of the paper that this package rebuilds.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

from spacy_bioner.errors import ConfigError

EMBEDDINGS, ENCODER, DECODER, CLASSIFIER = "embeddings", "encoder", "decoder", "classifier"

# Names as AutoModel gives them for BERT, RoBERTa and XLM-R, ELECTRA, DeBERTa, DistilBERT,
# ModernBERT and BART. What is shared by all layers counts as embeddings.
_LAYERS = (
    (ENCODER, re.compile(r"^encoder\.layers?\.(\d+)\.")),
    (ENCODER, re.compile(r"^transformer\.layer\.(\d+)\.")),
    (ENCODER, re.compile(r"^layers\.(\d+)\.")),
    (DECODER, re.compile(r"^decoder\.layers\.(\d+)\.")),
)
_EMBEDDINGS = re.compile(
    r"^(embeddings\.|embeddings_project\.|shared\."
    r"|(encoder|decoder)\.(embed_tokens|embed_positions|layernorm_embedding)\."
    r"|encoder\.(rel_embeddings|LayerNorm|conv)\.)"
)
# Above the last layer; trained at its rate.
_TOP = re.compile(r"^(pooler\.|final_norm\.|(encoder|decoder)\.(layer_norm)\.)")


class Block(NamedTuple):
    """part: EMBEDDINGS, ENCODER, DECODER or CLASSIFIER; layer: its number, 0 elsewhere."""

    part: str
    layer: int = 0

    def __str__(self) -> str:
        return f"{self.part} layer {self.layer}" if self.part in (ENCODER, DECODER) else self.part


class Depth(NamedTuple):
    """Number of layers of a transformer."""

    encoder: int
    decoder: int

    @classmethod
    def of(cls, names: Iterable[str]) -> Depth:
        """Read from all parameter names of one transformer."""
        layers = {ENCODER: 0, DECODER: 0}
        for name in names:
            for part, pattern in _LAYERS:
                if match := pattern.match(name):
                    layers[part] = max(layers[part], int(match[1]) + 1)
        return cls(layers[ENCODER], layers[DECODER])


def block_of(name: str, depth: Depth) -> Block:
    """The block of a parameter. Names without a dot are not a transformer's: CLASSIFIER.

    Raises ConfigError for a dotted name that fits no known architecture.
    """
    if "." not in name:
        return Block(CLASSIFIER)
    for part, pattern in _LAYERS:
        if match := pattern.match(name):
            return Block(part, int(match[1]))
    if _EMBEDDINGS.match(name):
        return Block(EMBEDDINGS)
    if _TOP.match(name):
        part, layers = (DECODER, depth.decoder) if depth.decoder else (ENCODER, depth.encoder)
        return Block(part, layers - 1)
    raise ConfigError(
        f"[training.optimizer]: no block is known for the parameter {name!r}. LayerwiseAdam "
        "knows BERT, RoBERTa, XLM-R, BART, ELECTRA, DistilBERT, DeBERTa and ModernBERT. Put it "
        "in a group of its own ([training.optimizer.groups.*] pattern), or use Adam.v1."
    )


def distance_from_classifier(block: Block, depth: Depth) -> int:
    """Blocks between this one and the classifier: 0 for the classifier, 1 for the last layer."""
    layers = depth.encoder + depth.decoder
    if block.part == CLASSIFIER:
        return 0
    if block.part == EMBEDDINGS:
        return layers + 1
    position = block.layer + (depth.encoder if block.part == DECODER else 0)
    return layers - position
