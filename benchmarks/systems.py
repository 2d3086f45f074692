"""spaCy pipelines on one encoder directory, stock and ours: prepared, saved and loaded."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import spacy
from spacy.language import Language
from spacy.tokens import Doc
from spacy.training import Example
from spacy.util import fix_random_seed, minibatch
from thinc.api import Adam

from benchmarks.heads import LENGTH, Entity

# Documents in a batch: as `spacy init config` has it for transformers, and as configs/ have it.
STOCKS, OURS = 128, 512
Find = Callable[[Sequence[str]], list[list[Entity]]]


@dataclass(frozen=True)
class Setting:
    """What all systems share. steps: updates of 16 sentences for heads that spaCy trains."""

    encoder: Path
    lang: str
    train: list[Doc]
    steps: int


LISTENER = {
    "@architectures": "spacy-transformers.TransformerListener.v1",
    "pooling": {"@layers": "reduce_mean.v1"},
}
STOCK_NER = {
    "@architectures": "spacy.TransitionBasedParser.v2",
    "state_type": "ner",
    "extra_state_tokens": False,
    "hidden_width": 64,
    "maxout_pieces": 2,
    "use_upper": False,
    "tok2vec": LISTENER,
}
OUR_NER = {"@architectures": "spacy_bioner.CrfTagger.v1", "tok2vec": LISTENER}


def stock_transformer(encoder: Path) -> dict[str, Any]:
    """spacy-transformers as `spacy init config` sets it up."""
    spans = "spacy-transformers.strided_spans.v1"
    return {
        "@architectures": "spacy-transformers.TransformerModel.v3",
        "name": str(encoder),
        "tokenizer_config": {"use_fast": True, "model_max_length": LENGTH},
        "get_spans": {"@span_getters": spans, "window": 128, "stride": 96},
    }


def bucketed_transformer(encoder: Path, precision: str = "auto") -> dict[str, Any]:
    name = "spacy_bioner.BucketedTransformer.v1"
    windows = {"window": 128, "overlap": 32}
    return {"@architectures": name, "name": str(encoder), "precision": precision, **windows}


def spacy_pipeline(
    setting: Setting, transformer: Any, factory: str, head: Any, nlp: Language, **batches: int
) -> Language:
    """`nlp`, which is blank, with a head trained on the encoder as it is."""
    fix_random_seed(0)
    nlp.add_pipe("transformer", config={"model": transformer, **batches})
    nlp.add_pipe(factory, config={"model": head})
    examples = [Example(nlp.make_doc(doc.text), doc) for doc in setting.train]
    nlp.initialize(lambda: examples)
    shuffled = itertools.chain.from_iterable(
        random.sample(examples, len(examples)) for _ in itertools.count()
    )
    optimizer, frozen = Adam(0.002), {"exclude": ["transformer"], "annotates": ["transformer"]}
    for batch in itertools.islice(minibatch(shuffled, 16), setting.steps):
        nlp.update(batch, sgd=optimizer, **frozen)
    return nlp


def prepare_stock(setting: Setting, out: Path) -> None:
    transformer = stock_transformer(setting.encoder)
    nlp = spacy.blank(setting.lang)
    spacy_pipeline(setting, transformer, "ner", STOCK_NER, nlp).to_disk(out)


def prepare_ours(setting: Setting, out: Path) -> None:
    transformer = bucketed_transformer(setting.encoder, "float32")
    # as in configs/
    tokenizer = {"@tokenizers": "spacy_bioner.LanguageTokenizer.v1"}
    nlp = spacy.blank(setting.lang, config={"nlp": {"tokenizer": tokenizer}})
    items = {"max_batch_items": 262144}
    spacy_pipeline(setting, transformer, "bert_crf_ner", OUR_NER, nlp, **items).to_disk(out)


def load_spacy(
    out: Path, batch_size: int, precision: str | None = None, threshold: float | None = None
) -> Find:
    settings = {
        "components.transformer.model.precision": precision,
        "components.bert_crf_ner.threshold": threshold,
    }
    given = {name: value for name, value in settings.items() if value is not None}
    nlp = spacy.load(out, config=given)
    nlp.batch_size = batch_size

    def find(texts: Sequence[str]) -> list[list[Entity]]:
        return [[(e.start_char, e.end_char, e.label_) for e in doc.ents] for doc in nlp.pipe(texts)]

    return find


def load_encoder_alone(out: Path, precision: str) -> Language:
    return spacy.load(out, config={"components.transformer.model.precision": precision})


def ready_buckets(nlp: Language, texts: Sequence[str]) -> Callable[[], list[list[Entity]]]:
    """Our encoder on ready batches without padding, so that nothing around it is timed."""
    model = nlp.get_pipe("transformer").model
    batches = []
    for batch in minibatch(texts, OURS):
        docs = [doc for doc in map(nlp.make_doc, batch) if len(doc)]
        rows = model.rows(model.layouts(docs))
        batches.append(list(rows.buckets()))

    def encode() -> list[list[Entity]]:
        for buckets in batches:
            model.shim.encode(buckets, lambda _bucket, _states: None)
        return [[] for _ in texts]

    return encode
