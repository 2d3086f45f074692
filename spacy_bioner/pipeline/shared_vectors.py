"""What listeners read: given for several passes over one batch, or left in the documents."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from spacy.pipeline.tok2vec import Tok2VecListener
from spacy.tokens import Doc
from spacy_transformers.data_classes import TransformerData
from spacy_transformers.layers import TransformerListener
from thinc.types import Ragged

from spacy_bioner.errors import ConfigError
from spacy_bioner.models.encoder.layout import LayoutData
from spacy_bioner.models.types import CrfTagger

_LISTENERS = (Tok2VecListener, TransformerListener)

Backprop = Callable[[Ragged], Any]
Pass = Callable[[Sequence[Doc]], tuple[Ragged, Backprop]]


@contextmanager
def passes(model: CrfTagger) -> Iterator[Pass]:
    """Yield what takes the place of `model.begin_update` and can be called again and again.

    An upstream component, such as a transformer, gives the model's listeners the vectors of a
    batch once, and takes their gradient once, in the midst of its update. Here each pass reads
    the same vectors, and when the block ends the upstream gets the sum of their gradients.
    """
    given = [_Given(node) for node in model.walk() if _has_been_given(node)]

    def offer() -> None:
        for each in given:
            each.offer()

    def begin(docs: Sequence[Doc]) -> tuple[Ragged, Backprop]:
        offer()
        emissions, backprop = model.begin_update(list(docs))

        def backprop_again(d_emissions: Ragged) -> Any:
            offer()  # the way back of a pass before this one took it
            return backprop(d_emissions)

        return emissions, backprop_again

    yield begin
    for each in given:
        each.finish()


def require_upstream(model: CrfTagger, docs: Sequence[Doc], name: str) -> None:
    """Raises ConfigError if a listener would read, in prediction, zeros in a document.

    So it is where the component that the model listens to has not seen the document.
    """
    for node in model.walk():
        if isinstance(node, TransformerListener):
            missing = next((doc for doc in docs if len(doc) and not _is_encoded(doc)), None)
        elif isinstance(node, Tok2VecListener):
            missing = next((doc for doc in docs if len(doc.tensor) != len(doc)), None)
        else:
            continue
        if missing is not None:
            raise ConfigError(
                f"{name!r} listens to a component before it, and that has not seen the document "
                f"{missing.text[:20]!r} with the tokens that it has now, or its vectors were "
                "dropped, as by doc_cleaner. Give one that comes from `nlp(text)`, with no "
                "component before this one disabled, and none between that changes the tokens"
            )


def _is_encoded(doc: Doc) -> bool:
    data = doc._.trf_data if doc.has_extension("trf_data") else None
    if isinstance(data, LayoutData):  # whose wordpieces and alignment are made when asked for
        return len(data.layout.lengths) == len(doc)
    return data is not None and len(data.wordpieces) > 0 and len(data.align.lengths) == len(doc)


def _has_been_given(node: Any) -> bool:
    return isinstance(node, _LISTENERS) and node._batch_id is not None


class _Given:
    """A listener, what it was given, and the sum of the gradients so far."""

    def __init__(self, listener: Any) -> None:
        self._listener = listener
        self._batch = listener._batch_id, listener._outputs
        self._backprop = listener._backprop
        self._sum: list[Any] | None = None

    def offer(self) -> None:
        self._listener.receive(*self._batch, self._add)

    def finish(self) -> None:
        if self._sum is not None:
            self._backprop(self._sum)
        self._listener.receive(None, None, None)

    def _add(self, gradients: Sequence[Any]) -> list[Doc]:
        if self._sum is None:
            self._sum = list(gradients)
        else:
            self._sum = [_sum(*both) for both in zip(self._sum, gradients, strict=True)]
        return []


def _sum(one: Any, other: Any) -> Any:
    """Of gradients (n, width) of a document, or of its record, whose hidden states hold them."""
    if not isinstance(one, TransformerData):
        return one + other
    states = one.model_output.last_hidden_state
    states += other.model_output.last_hidden_state
    return one
