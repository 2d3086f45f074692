"""Token vectors -> two linear layers -> emissions -> CRF."""

from typing import Any

from spacy.tokens import Doc
from spacy_transformers.layers import TransformerListener
from thinc.api import Dropout, Model, chain, with_array
from thinc.types import Ragged

from spacy_bioner.errors import ConfigError
from spacy_bioner.models.crf_layer import build_crf_layer
from spacy_bioner.models.dense import ACTIVATIONS, Dense, build_dense
from spacy_bioner.models.encoder.streaming import (
    emissions_by_part,
    has_streamed,
    stream_emissions,
)
from spacy_bioner.models.pack_tokens import build_pack_tokens
from spacy_bioner.models.types import CrfTagger, Tok2Vec


def build_crf_tagger(
    tok2vec: Tok2Vec,
    hidden_width: int = 256,
    activation: str = "gelu",
    backend: str = "packed",
    nO: int | None = None,
) -> CrfTagger:
    """Registered as `spacy_bioner.CrfTagger.v1`.

    tok2vec: any layer from documents to a vector a token, such as a transformer
        listener, spaCy's `HashEmbedCNN`, or `spacy.Tok2Vec.v2` around
        `spacy_bioner.BiLstmEncoder.v1`.
    hidden_width: width between the two linear layers; 0 for a single one.
    activation: of the hidden layer: "gelu", "relu", "mish", or "linear" for none.
    backend: of the CRF: "packed" or "pytorch-crf".
    nO: number of tags, set when the component is initialised.

    Dropout, at the rate of [training] dropout, comes before each linear layer.
    Output: emissions, Ragged with dataXd (N, T) and lengths (B,). References:
    "tok2vec", "head", "output_layer", "crf".

    Raises ConfigError on an unknown activation or backend.
    """
    return _build("crf_tagger", tok2vec, hidden_width, activation, nO, build_crf_layer(nO, backend))


def build_emissions(
    tok2vec: Tok2Vec, hidden_width: int, activation: str, nO: int | None = None
) -> CrfTagger:
    """A tagger as `build_crf_tagger` makes it, without the CRF: one member of several.

    Raises ConfigError on an unknown activation.
    """
    return _build("emissions", tok2vec, hidden_width, activation, nO)


def _build(
    name: str,
    tok2vec: Tok2Vec,
    hidden_width: int,
    activation: str,
    nO: int | None,
    crf: Model[Any, Any] | None = None,
) -> CrfTagger:
    output_layer = build_dense(nO)
    head = _build_head(hidden_width, activation, output_layer)
    refs = {"tok2vec": tok2vec, "output_layer": output_layer, "head": head}
    layers = [tok2vec, build_pack_tokens(), with_array(head)]
    if crf is not None:
        refs["crf"] = crf
        layers.append(crf)
    model: CrfTagger = Model(
        name, forward, init=init, layers=[chain(*layers)], dims={"nO": nO}, refs=refs
    )
    return model


def _build_head(hidden_width: int, activation: str, output_layer: Dense) -> Dense:
    if activation not in ACTIVATIONS:
        raise ConfigError(f"unknown activation {activation!r}: use one of {list(ACTIVATIONS)}")
    if not hidden_width:
        return chain(Dropout(0.0), output_layer)
    hidden = build_dense(hidden_width, activation)
    return chain(Dropout(0.0), hidden, Dropout(0.0), output_layer)


def forward(model: CrfTagger, docs: list[Doc], is_train: bool) -> Any:
    tok2vec, head = model.get_ref("tok2vec"), model.get_ref("head")
    if not is_train and not any(len(doc) for doc in docs):
        lengths = model.ops.asarray1i([0 for _ in docs])
        return Ragged(model.ops.alloc2f(0, model.get_dim("nO")), lengths), None
    if is_train or not _listens(tok2vec):
        return model.layers[0](docs, is_train)
    if has_streamed(docs):
        return stream_emissions(tok2vec, head, docs), None
    return emissions_by_part(tok2vec, head, docs), None


def _listens(tok2vec: Tok2Vec) -> bool:
    """Whether a transformer of the pipeline encodes for it: a replaced listener has its own."""
    return isinstance(tok2vec.maybe_get_ref("listener"), TransformerListener)


def init(model: CrfTagger, X: list[Doc] | None = None, Y: Any = None) -> None:
    """Sizes every layer; the number of tags must be set before, see `set_n_tags`."""
    tok2vec, head = model.get_ref("tok2vec"), model.get_ref("head")
    tok2vec.initialize(X=X)
    width = tok2vec.get_dim("nO")
    head.initialize(X=model.ops.alloc2f(1, width))
    if model.has_ref("crf"):
        model.get_ref("crf").initialize()


def set_n_tags(model: CrfTagger, n_tags: int) -> None:
    """Fixes the number of tags, before the model is initialised.

    Raises ConfigError for an ensemble, which is made of trained models.
    """
    n_members = model.attrs.get("n_members")  # of taggers that are trained as one
    if not (n_members or model.has_ref("output_layer")):
        raise ConfigError("an ensemble cannot be trained: train its members, and join them anew.")
    taggers = model.layers[:n_members] if n_members else [model]
    outputs = [tagger.get_ref("output_layer") for tagger in taggers]
    model.set_dim("nO", n_tags)
    for node in (model.get_ref("crf"), *taggers, *outputs):
        node.set_dim("nO", n_tags)
