"""The peers that are no spaCy pipelines, with a linear head on the same encoder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import spacy
import torch
from spacy.tokens import Doc

from benchmarks.heads import (
    LENGTH,
    Entity,
    bio_names,
    bio_tags,
    bioul_tags,
    encoder_pipeline,
    fit_linear,
    labels_of,
    spans_of_tags,
    token_states,
)
from benchmarks.systems import Find, Setting


def prepare_hugging_face(setting: Setting, out: Path) -> None:
    from transformers import AutoModelForTokenClassification, AutoTokenizer

    labels = labels_of(setting.train)
    names = bio_names(labels)
    states = token_states(encoder_pipeline(setting.encoder, setting.lang), setting.train, "first")
    model = AutoModelForTokenClassification.from_pretrained(
        setting.encoder, id2label=dict(enumerate(names)), num_labels=len(names)
    )
    if hasattr(model, "head"):  # ModernBERT's stands between encoder and classifier
        with torch.inference_mode():
            states = model.head(torch.from_numpy(states)).numpy()
    layer = fit_linear(states, bio_tags(setting.train, labels), len(names))
    model.classifier.load_state_dict(layer.state_dict())
    model.save_pretrained(out)
    AutoTokenizer.from_pretrained(setting.encoder, model_max_length=LENGTH).save_pretrained(out)


def load_pipeline(out: Path, batch: int = 32) -> Find:
    """Hugging Face's own pipeline, in batches of so many texts."""
    from transformers import pipeline

    tagger = pipeline("token-classification", str(out), aggregation_strategy="simple", device="cpu")

    def find(texts: Sequence[str]) -> list[list[Entity]]:
        found = tagger(list(texts), batch_size=batch)
        return [[(e["start"], e["end"], e["entity_group"]) for e in each] for each in found]

    return find


def load_by_hand(out: Path, dtype: torch.dtype = torch.float32, batch: int = 32) -> Find:
    """The model itself, on batches of texts of like length: the strongest form."""
    from transformers import AutoModelForTokenClassification, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(out)
    model = AutoModelForTokenClassification.from_pretrained(out, torch_dtype=dtype).eval()
    names = [model.config.id2label[i] for i in range(model.config.num_labels)]

    def find(texts: Sequence[str]) -> list[list[Entity]]:
        encodings = tokenizer(list(texts), truncation=True, return_offsets_mapping=True)
        order = sorted(range(len(texts)), key=lambda i: len(encodings["input_ids"][i]))
        found: list[list[Entity]] = [[] for _ in texts]
        for start in range(0, len(order), batch):
            indices = order[start : start + batch]
            rows = {"input_ids": [encodings["input_ids"][i] for i in indices]}
            padded = tokenizer.pad(rows, return_tensors="pt")
            with torch.inference_mode():
                tags = model(**padded).logits.argmax(-1).tolist()
            for i, row in zip(indices, tags, strict=True):
                found[i] = _characters(row, encodings["offset_mapping"][i], names)
        return found

    return find


def _characters(tags: list[int], offsets: list[tuple[int, int]], names: list[str]) -> list[Entity]:
    filled = [(tag, offset) for tag, offset in zip(tags, offsets, strict=False) if offset[1]]
    spans = spans_of_tags([names[tag] for tag, _ in filled])
    return [(filled[s][1][0], filled[e - 1][1][1], label) for s, e, label in spans]


def prepare_eds(setting: Setting, out: Path) -> None:
    """EDS-NLP's transformer and `eds.ner_crf`."""
    import edsnlp

    nlp = edsnlp.blank(setting.lang)
    embedding = {"@factory": "eds.transformer", "model": str(setting.encoder)}
    config = {"embedding": embedding, "mode": "joint", "target_span_getter": {"ents": True}}
    nlp.add_pipe("eds.ner_crf", name="ner", config=config)
    nlp.post_init(setting.train)
    states = token_states(encoder_pipeline(setting.encoder, setting.lang), setting.train, "mean")
    tagger = nlp.get_pipe("ner")
    for i, label in enumerate(tagger.labels):
        layer = fit_linear(states, bioul_tags(setting.train, label), 5)
        tagger.linear.weight.data[5 * i : 5 * i + 5] = layer.weight
        tagger.linear.bias.data[5 * i : 5 * i + 5] = layer.bias
    nlp.to_disk(out)


def load_eds(out: Path) -> Find:
    import edsnlp

    nlp = edsnlp.load(out)
    nlp.train(False)

    def find(texts: Sequence[str]) -> list[list[Entity]]:
        docs = nlp.pipe(list(texts))
        return [[(e.start_char, e.end_char, e.label_) for e in doc.ents] for doc in docs]

    return find


def prepare_flair(setting: Setting, out: Path) -> None:
    """flair's transformer embeddings and its tagger without a recurrent layer."""
    from flair.data import Dictionary
    from flair.embeddings import TransformerWordEmbeddings
    from flair.models import SequenceTagger

    labels = labels_of(setting.train)
    names = bio_names(labels)
    states = token_states(encoder_pipeline(setting.encoder, setting.lang), setting.train, "mean")
    layer = fit_linear(states, bio_tags(setting.train, labels), len(names))
    dictionary = Dictionary(add_unk=False)
    for name in names:
        dictionary.add_item(name)
    embeddings = TransformerWordEmbeddings(
        str(setting.encoder), layers="-1", subtoken_pooling="mean", fine_tune=True
    )
    form = {"use_rnn": False, "use_crf": False, "reproject_embeddings": False}
    tagger = SequenceTagger(embeddings, dictionary, "ner", **form)
    tagger.linear.load_state_dict(layer.state_dict())
    out.mkdir(parents=True, exist_ok=True)
    tagger.save(out / "model.pt")


def load_flair(out: Path, lang: str) -> Find:
    from flair.data import Sentence
    from flair.models import SequenceTagger

    tagger, tokenizer = SequenceTagger.load(out / "model.pt"), spacy.blank(lang).make_doc

    def find(texts: Sequence[str]) -> list[list[Entity]]:
        docs = [tokenizer(text) for text in texts]
        words = [[token.text for token in doc if not token.is_space] for doc in docs]
        sentences = [Sentence(each) for each in words]
        tagger.predict(sentences, mini_batch_size=32)
        return [
            _flair_entities(doc, sentence) for doc, sentence in zip(docs, sentences, strict=True)
        ]

    return find


def _flair_entities(doc: Doc, sentence: Any) -> list[Entity]:
    tokens = [token for token in doc if not token.is_space]
    found = []
    for label in sentence.get_labels("ner"):
        span = label.data_point
        first, last = tokens[span.tokens[0].idx - 1], tokens[span.tokens[-1].idx - 1]
        found.append((first.idx, last.idx + len(last), label.value))
    return found
