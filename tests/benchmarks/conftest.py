"""Little data for the benchmarks: the sample corpus as .spacy files, and pipelines made of it."""

from __future__ import annotations

from pathlib import Path

import pytest
import spacy
from spacy.tokens import DocBin

from benchmarks import systems
from benchmarks.heads import labels_of, read_docs
from benchmarks.training_runs import trained_on
from spacy_bioner.corpora.convert import convert
from spacy_bioner.encoders.make_encoder import make_encoder

SAMPLE = Path(__file__).parents[2] / "assets" / "sample" / "dev.json"


@pytest.fixture(scope="session")
def gold(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Forty annotated sentences."""
    folder = tmp_path_factory.mktemp("gold")
    convert([SAMPLE], folder / "all.spacy", nlp=spacy.blank("zh"))
    docs = read_docs(folder / "all.spacy", "zh", limit=40)
    DocBin(docs=docs, store_user_data=True).to_disk(folder / "gold.spacy")
    return folder / "gold.spacy"


@pytest.fixture(scope="session")
def text(tmp_path_factory: pytest.TempPathFactory, gold: Path) -> Path:
    """The sentences' text, thrice over, a sentence a line."""
    path = tmp_path_factory.mktemp("text") / "text.txt"
    lines = [doc.text for doc in read_docs(gold, "zh")] * 3
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def encoder(tmp_path_factory: pytest.TempPathFactory, gold: Path) -> Path:
    out = tmp_path_factory.mktemp("encoder") / "tiny"
    texts = [doc.text for doc in read_docs(gold, "zh")]
    make_encoder(texts, out, layers=2, width=16, heads=2, max_length=512, vocab_size=900)
    return out


@pytest.fixture(scope="session")
def bilstm(tmp_path_factory: pytest.TempPathFactory, gold: Path) -> Path:
    """A pipeline of a BiLSTM, in the folder of a grid's run, that finds some entities."""
    run = tmp_path_factory.mktemp("runs") / "system=random_characters,seed=0"
    docs = read_docs(gold, "zh")
    nlp = trained_on(docs, labels_of(docs), epochs=12, seed=0, batch=4)
    (run / "model").mkdir(parents=True)
    nlp.to_disk(run / "model" / "model-best")
    return run / "model" / "model-best"


@pytest.fixture(scope="session")
def transformer(tmp_path_factory: pytest.TempPathFactory, encoder: Path, gold: Path) -> Path:
    """Our pipeline on the encoder, as `benchmarks.inference` prepares it."""
    out = tmp_path_factory.mktemp("prepared") / "ours"
    systems.prepare_ours(systems.Setting(encoder, "zh", read_docs(gold, "zh"), steps=2), out)
    return out
