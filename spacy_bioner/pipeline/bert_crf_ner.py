"""The pipeline component: emissions -> best path -> doc.ents, and its training."""

from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from typing import Any

import numpy as np
from spacy.language import Language
from spacy.pipeline import TrainablePipe
from spacy.tokens import Doc
from spacy.training import Example, validate_examples, validate_get_examples
from spacy.vocab import Vocab
from thinc.api import Config, Optimizer, set_dropout_rate
from thinc.types import Ragged

from spacy_bioner.errors import ConfigError, LabelError
from spacy_bioner.models.crf_layer import crf_best_paths, crf_loss, set_constraints
from spacy_bioner.models.crf_tagger import set_n_tags
from spacy_bioner.models.softmax import softmax_best_tags, softmax_loss
from spacy_bioner.models.types import CrfTagger
from spacy_bioner.pipeline.annotation import gold_tags, reference_labels, set_entities
from spacy_bioner.pipeline.config_checks import check_training_config
from spacy_bioner.tags import SchemeName, Spans, TagScheme

DEFAULT_CONFIG = Config().from_str(
    """
[bert_crf_ner]
loss = "crf"
scheme = "BIO"
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

LOSSES = ("crf", "softmax")


@Language.factory(
    "bert_crf_ner",
    assigns=["doc.ents", "token.ent_iob", "token.ent_type"],
    default_config=DEFAULT_CONFIG,
    default_score_weights={
        "ents_f": 1.0,
        "ents_p": 0.0,
        "ents_r": 0.0,
        "ents_per_type": None,
    },
)
def make_bert_crf_ner(
    nlp: Language,
    name: str,
    model: CrfTagger,
    loss: str,
    scheme: SchemeName,
    scorer: Callable[..., dict[str, Any]] | None,
) -> "BertCrfNer":
    """Registered as the factory `bert_crf_ner`. See BertCrfNer for the settings."""
    return BertCrfNer(nlp.vocab, model, name, loss=loss, scheme=scheme, scorer=scorer)


class BertCrfNer(TrainablePipe):  # type: ignore[misc]
    """Named entities by a linear-chain CRF over token vectors.

    vocab: the pipeline's. model: see `spacy_bioner.CrfTagger.v1`. name: in the pipeline.
    loss: "crf" (negative log likelihood, decoded by Viterbi) or "softmax" (cross
        entropy of each token, decoded by its best tag).
    scheme: "BIO" or "BILUO".
    scorer: computes scores from examples, spaCy's NER scorer by default.

    The losses reported and their gradients are sums over documents, so that
    [training] accumulate_gradient changes nothing but memory.
    Raises ConfigError on an unknown loss, LabelError on an unknown scheme.
    """

    def __init__(
        self,
        vocab: Vocab,
        model: CrfTagger,
        name: str = "bert_crf_ner",
        *,
        loss: str = "crf",
        scheme: SchemeName = "BIO",
        scorer: Callable[..., dict[str, Any]] | None = None,
    ) -> None:
        if loss not in LOSSES:
            raise ConfigError(f"[components.{name}] loss = {loss!r}: use one of {list(LOSSES)}")
        TagScheme((), scheme)
        self.vocab = vocab
        self.model = model
        self.name = name
        self.scorer = scorer
        self.cfg: dict[str, Any] = {"labels": [], "loss": loss, "scheme": scheme}
        self._scheme = TagScheme((), scheme)

    @property
    def labels(self) -> tuple[str, ...]:
        """The entity labels, without tag prefixes."""
        return tuple(self.cfg["labels"])

    @property
    def label_data(self) -> list[str]:
        """What `spacy init labels` writes and [initialize.components] takes."""
        return list(self.cfg["labels"])

    @property
    def scheme(self) -> TagScheme:
        """The tags in use."""
        if self._scheme.labels != self.labels or self._scheme.name != self.cfg["scheme"]:
            self._scheme = TagScheme(self.labels, self.cfg["scheme"])
        return self._scheme

    def add_label(self, label: str) -> int:
        """Adds an entity label; returns 1, or 0 if it is known.

        Raises LabelError once the component is initialised: its model has a fixed
        number of tags.
        """
        if label in self.labels:
            return 0
        if self.model.has_dim("nO"):
            raise LabelError(
                f"cannot add the label {label!r} to {self.name!r}: it is initialised with "
                f"{list(self.labels)}. Give all labels in [initialize.components.{self.name}] "
                "labels and train again."
            )
        self.cfg["labels"] = [*self.labels, TagScheme((label,)).labels[0]]
        self.vocab.strings.add(label)
        return 1

    def initialize(
        self,
        get_examples: Callable[[], Iterable[Example]],
        *,
        nlp: Language | None = None,
        labels: Sequence[str] | None = None,
    ) -> None:
        """Sets labels and constraints and sizes the model.

        labels: all entity labels; read from the examples where None.
        Raises LabelError if there are none, or one that a component which is already
        initialised lacks, ConfigError for settings in the pipeline's config that
        cannot work.
        """
        validate_get_examples(get_examples, "BertCrfNer.initialize")
        if nlp is not None:
            check_training_config(nlp.config.interpolate(), self.name)
        found = labels if labels is not None else reference_labels(get_examples())
        for label in found:
            self.add_label(label)
        if not self.labels:
            raise LabelError(
                f"{self.name!r} found no entity label: the training corpus has no entities. "
                "Check [paths.train], or give labels in [initialize.components]."
            )
        sample = [example.x for example in islice(get_examples(), 10)]
        if not self.model.has_dim("nO"):
            set_n_tags(self.model, len(self.scheme.tags))
        set_constraints(self.model.get_ref("crf"), *self.scheme.constraints)
        self.model.initialize(X=sample)

    def predict(self, docs: Iterable[Doc]) -> Spans:
        """The entities of the best path of each document, without setting them."""
        docs = list(docs)
        self._require_initialized()
        lengths = np.array([len(doc) for doc in docs], dtype=np.int64)
        if not lengths.any():
            return self.scheme.spans(np.zeros(0, dtype=np.int64), lengths)
        emissions: Ragged = self.model.predict(docs)
        return self.scheme.spans(self._best_tags(emissions), lengths)

    def _best_tags(self, emissions: Ragged) -> np.ndarray:
        if self.cfg["loss"] == "softmax":
            return softmax_best_tags(self.model.get_ref("crf"), emissions)
        return crf_best_paths(self.model.get_ref("crf"), emissions)

    def set_annotations(self, docs: Iterable[Doc], scores: Spans) -> None:
        """Sets doc.ents, also where no entity was found."""
        set_entities(list(docs), scores, self.labels)

    def update(
        self,
        examples: Iterable[Example],
        *,
        drop: float = 0.0,
        sgd: Optimizer | None = None,
        losses: dict[str, float] | None = None,
    ) -> dict[str, float]:
        """Adds the gradient of the loss on the examples, and steps where sgd is given."""
        losses = {} if losses is None else losses
        losses.setdefault(self.name, 0.0)
        examples = list(examples)
        validate_examples(examples, "BertCrfNer.update")
        self._require_initialized()
        docs = [example.predicted for example in examples]
        if not any(len(doc) for doc in docs):
            return losses
        set_dropout_rate(self.model, drop)
        emissions, backprop = self.model.begin_update(docs)
        loss, d_emissions = self.get_loss(examples, emissions)
        backprop(d_emissions)
        if sgd not in (None, False):
            self.finish_update(sgd)
        losses[self.name] += loss
        return losses

    def get_loss(self, examples: Iterable[Example], scores: Ragged) -> tuple[float, Ragged]:
        """The summed loss and its gradient with respect to the emissions.

        Tokens whose annotation is missing or misaligned count as unknown. Adds
        the gradient of the CRF's own parameters to the model.
        Raises LabelError if the annotation holds a label that the model lacks.
        """
        gold = [gold_tags(example, self.scheme) for example in examples]
        if not gold:
            return 0.0, scores
        self._require_finite(scores.dataXd)
        tags = np.concatenate(gold)
        crf = self.model.get_ref("crf")
        if self.cfg["loss"] == "softmax":
            loss, d_scores = softmax_loss(crf, scores, tags)
        else:
            allowed = np.concatenate([self.scheme.allowed(t) for t in gold])
            loss, d_scores = crf_loss(crf, scores, tags, allowed)
        self._require_finite(loss)
        return float(loss.sum()), d_scores

    def _require_finite(self, values: Any) -> None:
        if not np.isfinite(self.model.ops.to_numpy(values)).all():
            raise ValueError(
                f"the loss of {self.name!r} is not finite: lower the learning rate, or look "
                "for broken weights in the encoder"
            )

    def _require_initialized(self) -> None:
        if not self.model.has_dim("nO"):
            raise LabelError(
                f"{self.name!r} is not initialised: call nlp.initialize(), or load a "
                "trained pipeline"
            )
