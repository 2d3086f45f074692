"""The pipeline component: emissions -> best path -> doc.ents, and its training."""

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from itertools import islice
from typing import Any

import numpy as np
from spacy.language import Language
from spacy.pipeline import TrainablePipe
from spacy.tokens import Doc, Span
from spacy.training import Example, validate_examples, validate_get_examples
from spacy.vocab import Vocab
from thinc.api import Optimizer, set_dropout_rate
from thinc.types import Ragged

from spacy_bioner.errors import BionerError, ConfigError, LabelError
from spacy_bioner.models.crf_layer import crf_best_paths, crf_loss, set_constraints
from spacy_bioner.models.crf_tagger import set_n_tags
from spacy_bioner.models.lattice import Lattice
from spacy_bioner.models.softmax import softmax_best_tags, softmax_loss
from spacy_bioner.models.types import CrfTagger
from spacy_bioner.pipeline.annotation import reference_labels, set_prediction
from spacy_bioner.pipeline.clamps import Clamps, clamps_of
from spacy_bioner.pipeline.confidences import (
    EntitySet,
    Prediction,
    check_spans,
    empty_prediction,
    entity_sets,
    register_extension,
    scored_prediction,
    span_scores,
)
from spacy_bioner.pipeline.config_checks import check_softmax, check_training_config
from spacy_bioner.pipeline.partial import gold_of
from spacy_bioner.pipeline.regularization import Regularization
from spacy_bioner.pipeline.settings import DEFAULT_CONFIG, Decoding, this_thread
from spacy_bioner.pipeline.shared_vectors import require_upstream
from spacy_bioner.tags import SchemeName, TagScheme

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
    scores: bool,
    threshold: float,
    candidates_floor: float | None,
    preset: str,
    snap_runs: bool | None,
    incorrect_spans_key: str | None,
    adversarial: float,
    r_drop: float,
    scorer: Callable[..., dict[str, Any]] | None,
) -> "BertCrfNer":
    """Registered as the factory `bert_crf_ner`. See BertCrfNer for the settings.

    snap_runs: None for True in pipelines of lang zh with a CRF.
    """
    if snap_runs is None:
        snap_runs = loss == "crf" and nlp.lang == "zh"
    decoding = Decoding(scores, threshold, candidates_floor, preset, snap_runs)
    return BertCrfNer(
        nlp.vocab,
        model,
        name,
        loss=loss,
        scheme=scheme,
        decoding=decoding,
        incorrect_spans_key=incorrect_spans_key,
        regularization=Regularization(adversarial, r_drop),
        scorer=scorer,
    )


class BertCrfNer(TrainablePipe):  # type: ignore[misc]
    """Named entities by a linear-chain CRF over token vectors.

    vocab: the pipeline's. model: see `spacy_bioner.CrfTagger.v1`. name: in the pipeline.
    loss: "crf" (negative log likelihood, decoded by Viterbi) or "softmax" (cross
        entropy of each token, decoded by its best tag).
    scheme: "BIO" or "BILUO".
    decoding: see `Decoding`.
    incorrect_spans_key: group of doc.spans that holds spans known to be no entities with
        their labels, for training; as of spaCy's `ner`.
    regularization: of training, see `Regularization`.
    scorer: computes scores from examples, spaCy's NER scorer by default.

    The losses reported and their gradients are sums over documents, so that
    [training] accumulate_gradient changes nothing but memory. Those of `MutualTagger.v1` are sums
    over members too; what members learn from one another is in the gradient alone.
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
        decoding: Decoding | None = None,
        incorrect_spans_key: str | None = None,
        regularization: Regularization | None = None,
        scorer: Callable[..., dict[str, Any]] | None = None,
    ) -> None:
        if loss not in LOSSES:
            raise ConfigError(f"[components.{name}] loss = {loss!r}: use one of {list(LOSSES)}")
        TagScheme((), scheme)
        self.vocab = vocab
        self.model = model
        self.name = name
        self.scorer = scorer
        self._decoding = decoding if decoding is not None else Decoding()
        self._scoring = dict[int, Decoding]()  # by thread, within `scoring`
        self.decoding.check(name, loss)
        if loss == "softmax":
            check_softmax(name, model, incorrect_spans_key)
        self.incorrect_spans_key = incorrect_spans_key
        self.regularization = regularization if regularization else Regularization()
        self.cfg: dict[str, Any] = {"labels": [], "loss": loss, "scheme": scheme}
        self.cfg["temperature"] = 1.0
        register_extension()
        self._scheme = TagScheme((), scheme)

    @property
    def decoding(self) -> Decoding:
        """How entities are found; within `scoring`, as that thread wants them."""
        if not self._scoring:
            return self._decoding
        # a process that a thread has forked has that thread as its first
        own = self._scoring.get(this_thread()) or self._scoring.get(threading.get_ident())
        return own or self._decoding

    @decoding.setter
    def decoding(self, decoding: Decoding) -> None:
        self._decoding = decoding

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
        self.regularization.check(self.name, self.model)
        set_constraints(self.model.get_ref("crf"), *self.scheme.constraints)
        self.cfg["temperature"] = 1.0  # that of earlier weights says nothing of these
        self.model.initialize(X=sample)

    def predict(self, docs: Iterable[Doc]) -> Prediction:
        """The entities of the best path of each document, without setting them."""
        docs = list(docs)
        self._require_initialized()
        lengths = np.array([len(doc) for doc in docs], dtype=np.int64)
        if not lengths.any():
            spans = self.scheme.spans(np.zeros(0, dtype=np.int64), lengths)
            return empty_prediction(spans, self.decoding)
        emissions = self.emissions(docs)
        crf = self.model.get_ref("crf")
        if self.cfg["loss"] == "softmax":
            return Prediction(self.scheme.spans(softmax_best_tags(crf, emissions), lengths))
        clamps = self._clamps(docs)
        by_label = isinstance(self.cfg["temperature"], dict)
        if clamps.are_none and not self.decoding.needs_scores and not by_label:
            return Prediction(self.scheme.spans(crf_best_paths(crf, emissions), lengths))
        lattice = self._lattice(emissions, clamps)
        spans = lattice.spans(lattice.best_tags())
        if not self.decoding.needs_scores:
            return Prediction(spans)
        threshold, floor = self.decoding.threshold, self.decoding.candidates_floor
        return scored_prediction(lattice, spans, threshold, floor)

    def set_annotations(self, docs: Iterable[Doc], scores: Prediction) -> None:
        """Sets doc.ents, also where no entity was found, and scores where there are any."""
        respect = self.decoding.preset == "respect"
        set_prediction(list(docs), scores, self.labels, respect=respect, name=self.name)

    @contextmanager
    def scoring(self, **settings: Any) -> Iterator["BertCrfNer"]:
        """Within the block entities get scores; settings: other fields of `Decoding`.

        Other threads that use the component meanwhile are not concerned.
        """
        thread, before = this_thread(), self._scoring.get(this_thread())
        inside = replace(self.decoding, scores=True, **settings)
        inside.check(self.name, self.cfg["loss"])
        self._scoring[thread] = inside
        try:
            yield self
        finally:
            self._scoring.pop(thread, None)
            if before is not None:
                self._scoring[thread] = before

    def lattice(self, docs: Iterable[Doc]) -> Lattice:
        """All tag paths of some documents, as far as decoding permits them, for sums over them.

        With preset = "respect" entities that were set before count as known; those that the
        component itself has found in a document since do not.
        Raises ConfigError if the component has no CRF.
        """
        docs = list(docs)
        self._require_initialized()
        if self.cfg["loss"] != "crf":
            raise ConfigError(f'{self.name!r} has no CRF: it was trained with loss = "softmax"')
        return self._lattice(self.emissions(docs), self._clamps(docs))

    def k_best(self, docs: Iterable[Doc], k: int = 5) -> list[list[EntitySet]]:
        """The k most probable sets of entities of each document, best first."""
        docs = list(docs)
        return entity_sets(docs, self.lattice(docs), k, self.labels) if docs else []

    def score_spans(
        self, doc: Doc, spans: Sequence[Span], *, any_label: bool = False
    ) -> list[float]:
        """The probability that each span is an entity: with its label, or with any.

        Raises LabelError for a label that the model does not know, ConfigError for a span of
        another document, or without tokens.
        """
        check_spans(doc, spans, None if any_label else self.labels)
        return span_scores(self.lattice([doc]), spans, any_label=any_label)

    def score_tokens(self, doc: Doc) -> list[float]:
        """The probability that each token lies in an entity of any label."""
        inside: list[float] = (1.0 - self.lattice([doc]).marginals()[:, 0]).clip(0, 1).tolist()
        return inside

    def emissions(self, docs: list[Doc]) -> Ragged:
        """The scores (N, T) of all tags for each token, with the documents' lengths.

        Raises ConfigError if a component that the model listens to has not seen a document,
        BionerError if a score is not finite.
        """
        require_upstream(self.model, docs, self.name)
        emissions: Ragged = self.model.predict(docs)
        self._require_finite(emissions.dataXd, "emissions")
        return emissions

    def _clamps(self, docs: Sequence[Doc]) -> Clamps:
        respect, snap_runs = self.decoding.preset == "respect", self.decoding.snap_runs
        return clamps_of(docs, self.scheme, respect=respect, snap_runs=snap_runs, name=self.name)

    def _lattice(self, emissions: Ragged, clamps: Clamps) -> Lattice:
        return Lattice.of(
            self.model.get_ref("crf"),
            emissions,
            self.scheme,
            temperature=self.cfg["temperature"],
            allowed=clamps.allowed,
            joined=clamps.joined,
        )

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
        get_loss = partial(self.get_loss, examples)
        loss = self.regularization.backpropagate(self.model, docs, get_loss)
        if sgd not in (None, False):
            self.finish_update(sgd)
        losses[self.name] += loss
        return losses

    def get_loss(self, examples: Iterable[Example], scores: Ragged) -> tuple[float, Ragged]:
        """The summed loss and its gradient with respect to the emissions.

        scores: of the examples, or of them several times over, as several members read them.
        Tokens whose annotation is missing or misaligned count as unknown; for documents
        annotated for some types only and for spans known to be wrong see `gold_of`. Adds
        the gradient of the CRF's own parameters to the model.
        Raises LabelError if the annotation holds a label that the model lacks, BionerError if
        emissions or loss are not finite.
        """
        examples = list(examples)
        if not examples:
            return 0.0, scores
        self._require_finite(scores.dataXd, "emissions")
        gold = gold_of(examples, self.scheme, self.incorrect_spans_key)
        gold = gold.repeated(len(scores.lengths) // len(examples), len(examples))
        crf = self.model.get_ref("crf")
        if self.cfg["loss"] == "softmax":
            loss, d_scores = softmax_loss(crf, scores, gold.tags)
        else:
            loss, d_scores = crf_loss(crf, scores, gold.tags, gold.allowed, gold.refined)
        self._require_finite(loss, "loss")
        return float(loss.sum()), d_scores

    def _require_finite(self, values: Any, what: str) -> None:
        if not np.isfinite(self.model.ops.to_numpy(values)).all():
            raise BionerError(
                f"not finite: the {what} of {self.name!r}. Lower the learning rate, or look "
                "for broken weights in the encoder"
            )

    def _require_initialized(self) -> None:
        if not self.model.has_dim("nO"):
            raise LabelError(
                f"{self.name!r} is not initialised: call nlp.initialize(), or load a "
                "trained pipeline"
            )
