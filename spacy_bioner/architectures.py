"""Which settings of a pipeline's config are those of a transformer, wherever they stand."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

_TRANSFORMERS = (
    "spacy-transformers.TransformerModel.",
    "spacy-transformers.Tok2VecTransformer.",
    "spacy_bioner.BucketedTransformer.",
    "spacy_bioner.BucketedTok2Vec.",
)


def transformers_in(settings: dict[str, Any], path: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """The dotted path and settings of each transformer, also of one inside another layer.

    settings: a component's, or all components'. path: their own.
    """
    if str(settings.get("@architectures", "")).startswith(_TRANSFORMERS):
        yield path, settings
    for name, value in settings.items():
        if isinstance(value, dict):
            yield from transformers_in(value, f"{path}.{name}")
