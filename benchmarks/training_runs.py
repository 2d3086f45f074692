"""Short trainings on parts of a corpus, for the experiments beside this file."""

from __future__ import annotations

import io
import random
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from spacy.language import Language
from spacy.tokens import Doc, DocBin
from spacy.training import Corpus, Example
from spacy.training.initialize import init_nlp
from spacy.training.loop import train
from spacy.util import load_config

CONFIG = Path(__file__).parents[1] / "configs" / "bilstm_crf.cfg"


def read_docs(path: Path, nlp: Language) -> list[Doc]:
    """The annotated documents of a .spacy file."""
    return [example.reference for example in Corpus(path)(nlp)]


def sample_of(docs: Sequence[Doc], count: int, seed: int) -> list[Doc]:
    """So many of the documents, drawn by a seed; all in that order if count is 0."""
    order = random.Random(seed).sample(range(len(docs)), len(docs))
    return [docs[i] for i in order[: count or None]]


def trained_on(
    docs: Sequence[Doc], labels: Sequence[str], *, epochs: int, seed: int, batch: int = 16
) -> Language:
    """The pipeline of configs/bilstm_crf.cfg, trained on some documents.

    Other than there: a BiLSTM of one layer of 128 in place of two of 192, for the sake of
    time; the epochs, the batch, warm-up over 50 steps; and no choice of the best step by
    development data: what is returned is the last.
    """
    encode = "components.bert_crf_ner.model.tok2vec.encode"
    with tempfile.TemporaryDirectory() as folder:
        path, one = Path(folder) / "train.spacy", Path(folder) / "one.spacy"
        DocBin(docs=docs, store_user_data=True).to_disk(path)
        DocBin(docs=[Doc(docs[0].vocab, ["。"], [False], ents=["O"])]).to_disk(one)
        overrides: dict[str, Any] = {
            "paths.train": str(path),
            "paths.dev": str(one),
            "system.seed": seed,
            f"{encode}.depth": 1,
            f"{encode}.hidden_width": 128,
            "training.max_epochs": epochs,
            "training.eval_frequency": 1_000_000,
            "training.batcher.size": batch,
            "training.optimizer.learn_rate.warmup_steps": 50,
            "training.logger.progress_bar": None,
            "initialize.components": {"bert_crf_ner": {"labels": sorted(labels)}},
        }
        nlp = init_nlp(load_config(CONFIG, overrides=overrides))
        trained, _ = train(nlp, None, stdout=io.StringIO(), stderr=io.StringIO())
    return trained


def micro_scores(nlp: Language, docs: Sequence[Doc]) -> tuple[float, float, float]:
    """Precision, recall and F1 of the entities, in per cent."""
    examples = [Example(Doc(nlp.vocab, _words(doc), _spaces(doc)), doc) for doc in docs]
    scores = nlp.evaluate(examples)
    precision, recall, f1 = (100 * scores[f"ents_{name}"] for name in "prf")
    return precision, recall, f1


def _words(doc: Doc) -> list[str]:
    return [token.text for token in doc]


def _spaces(doc: Doc) -> list[bool]:
    return [bool(token.whitespace_) for token in doc]
