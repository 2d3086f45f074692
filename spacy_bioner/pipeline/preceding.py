"""Documents as a component finds them: what the components before it have done to them."""

from __future__ import annotations

from collections.abc import Iterable

from spacy.language import Language
from spacy.tokens import Doc


def after_pipes_before(nlp: Language, name: str, docs: Iterable[Doc], batch_size: int) -> list[Doc]:
    """Documents that went through the active components before the component `name`."""
    before = nlp.pipe_names[: nlp.pipe_names.index(name)]
    with nlp.select_pipes(enable=before):
        return list(nlp.pipe(docs, batch_size=batch_size))
