"""CharNgramEmbed, LexiconFeatures and SideBySide, against definitions written out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import spacy
from spacy.language import Language
from spacy.tokens import Doc
from spacy.vectors import Vectors

from spacy_bioner.errors import ConfigError, VectorsError
from spacy_bioner.models.char_ngram_embed import build_char_ngram_embed
from spacy_bioner.models.lexicon_features import build_lexicon_features
from spacy_bioner.models.side_by_side import build_side_by_side
from spacy_bioner.models.static_lookup import StaticLookup
from tests.pipeline.pipelines import ODD_TEXTS

WIDTH = 3
KEYS = ["糖", "尿", "病", "糖|尿", "尿|病", "糖|尿|病", "糖尿", "糖尿病", "尿病", "病人"]
COUNTS = {"糖": 2, "糖尿": 3, "糖尿病": 5, "尿病": 1, "病人": 4, "人": 7}


@pytest.fixture
def nlp() -> Language:
    nlp = spacy.blank("zh")
    data = np.random.default_rng(0).normal(size=(len(KEYS), WIDTH)).astype(np.float16)
    nlp.vocab.vectors = Vectors(strings=nlp.vocab.strings, data=data, keys=KEYS)
    return nlp


def vector(nlp: Language, key: str) -> np.ndarray:
    if key not in KEYS:
        return np.zeros(WIDTH, dtype=np.float32)
    return nlp.vocab.vectors.data[KEYS.index(key)].astype(np.float32)


@pytest.mark.parametrize("ngrams", [(1,), (1, 2), (1, 2, 3), (3,)])
def test_char_ngram_embed_puts_the_ngrams_around_each_token(
    nlp: Language, ngrams: tuple[int, ...]
) -> None:
    model = build_char_ngram_embed(WIDTH, learned_width=0, ngrams=ngrams)
    doc = nlp("糖尿病人糖尿")
    model.initialize(X=[doc])
    (found,) = model.predict([doc])
    text = [token.text for token in doc]
    for i in range(len(doc)):
        places = [(i - back, n) for n in ngrams for back in range(n - 1, -1, -1)]
        keys = [
            "|".join(text[a : a + n]) if a >= 0 and a + n <= len(doc) else "" for a, n in places
        ]
        np.testing.assert_array_equal(found[i], np.concatenate([vector(nlp, k) for k in keys]))


def test_char_ngram_embed_hides_static_vectors_in_training_only(nlp: Language) -> None:
    model = build_char_ngram_embed(WIDTH, learned_width=2, rows=20, ngrams=(1,), dropout=0.25)
    doc = nlp("糖" * 800)
    model.initialize(X=[doc])
    (plain,) = model.predict([doc])
    np.testing.assert_allclose(plain[:, 2:], [vector(nlp, "糖")] * 800, rtol=1e-5)
    np.random.seed(0)
    (rows,), _ = model([doc], is_train=True)
    hidden = (rows[:, 2:] == 0).all(axis=1)
    assert 0.21 < hidden.mean() < 0.29
    np.testing.assert_array_equal(rows[~hidden], plain[~hidden])
    np.testing.assert_array_equal(rows[hidden, :2], plain[hidden, :2])


def test_char_ngram_embed_hides_learnt_vectors_of_whole_tokens_in_training_only(
    nlp: Language,
) -> None:
    model = build_char_ngram_embed(WIDTH, 2, rows=20, ngrams=(1,), learned_dropout=0.25)
    doc = nlp("糖" * 800)
    model.initialize(X=[doc])
    (plain,) = model.predict([doc])
    assert np.abs(plain[:, :2]).all()
    np.random.seed(0)
    (rows,), _ = model([doc], is_train=True)
    hidden = (rows[:, :2] == 0).all(axis=1)
    assert 0.21 < hidden.mean() < 0.29
    np.testing.assert_array_equal(rows[~hidden], plain[~hidden])
    np.testing.assert_array_equal(rows[:, 2:], plain[:, 2:])


def test_char_ngram_embed_learns_its_own_part(nlp: Language) -> None:
    model = build_char_ngram_embed(WIDTH, learned_width=4, rows=50)
    docs = [nlp("糖尿病"), nlp("")]
    model.initialize(X=docs)
    outputs, backprop = model.begin_update(docs)
    assert [rows.shape for rows in outputs] == [(3, 4 + 3 * WIDTH), (0, 4 + 3 * WIDTH)]
    backprop([np.ones_like(rows) for rows in outputs])
    table = next(node for node in model.walk() if node.has_param("E"))
    assert np.abs(table.get_grad("E")).sum() > 0


def soft_lexicon(nlp: Language, doc: Doc) -> np.ndarray:
    """Equations 4 to 6 of Ma et al. (2020), token by token; and the four bits."""
    text, n = doc.text, len(doc)
    rows = np.zeros((n, 4, WIDTH), dtype=np.float64)
    bits = np.zeros((n, 4))
    for i in range(n):
        total = 0
        for a in range(n):
            for b in range(a + 1, n + 1):
                word = text[a:b]
                if word not in COUNTS or not a <= i < b:
                    continue
                place = 3 if b - a == 1 else 0 if i == a else 2 if i == b - 1 else 1
                bits[i, place] = 1
                weight = COUNTS[word] if word in KEYS else 0
                total += weight
                rows[i, place] += weight * vector(nlp, word)
        rows[i] *= 4 / total if total else 0
    return np.hstack([rows.reshape(n, -1), bits])


@pytest.fixture
def lexicon_file(tmp_path: Path) -> Path:
    path = tmp_path / "words.tsv"
    path.write_text("".join(f"{w}\t{n}\n" for w, n in COUNTS.items()), encoding="utf-8")
    return path


@pytest.mark.parametrize("text", ["糖尿病人", "尿病人糖", "人", "無關文字", "糖尿病人糖尿病人"])
def test_lexicon_features_are_those_of_soft_lexicon(
    nlp: Language, lexicon_file: Path, text: str
) -> None:
    model = build_lexicon_features(WIDTH, str(lexicon_file))
    doc = nlp(text)
    model.initialize(X=[doc])
    (found,) = model.predict([doc])
    np.testing.assert_allclose(found, soft_lexicon(nlp, doc), rtol=1e-5, atol=1e-6)


def test_lexicon_is_saved_with_the_model(nlp: Language, lexicon_file: Path) -> None:
    doc = nlp("糖尿病人")
    model = build_lexicon_features(WIDTH, str(lexicon_file))
    model.initialize(X=[doc])
    lexicon_file.unlink()
    other = build_lexicon_features(WIDTH, str(lexicon_file)).from_bytes(model.to_bytes())
    np.testing.assert_array_equal(other.predict([doc])[0], model.predict([doc])[0])


def test_words_count_only_at_token_boundaries(nlp: Language, lexicon_file: Path) -> None:
    model = build_lexicon_features(WIDTH, str(lexicon_file))
    doc = Doc(nlp.vocab, ["糖", "尿病人"], spaces=[False, False])
    model.initialize(X=[doc])
    (found,) = model.predict([doc])
    np.testing.assert_array_equal(found[:, -4:], [[0, 0, 0, 1], [0, 0, 0, 0]])


def test_dropout_hides_whole_words_in_training_only(nlp: Language, lexicon_file: Path) -> None:
    doc = nlp("糖尿病，" * 400)
    model = build_lexicon_features(WIDTH, str(lexicon_file), dropout=0.25)
    model.initialize(X=[doc])
    short = nlp("糖尿病，")
    np.testing.assert_allclose(model.predict([short])[0], soft_lexicon(nlp, short), rtol=1e-5)
    np.random.seed(0)
    (rows,), _ = model([doc], is_train=True)
    alone, begins = rows[0::4, -1], rows[0::4, -4]  # 糖; 糖尿 or 糖尿病
    assert 0.19 < 1 - alone.mean() < 0.31
    assert 0.03 < 1 - begins.mean() < 0.1
    (again,), _ = model([doc], is_train=True)
    assert (again != rows).any()


@pytest.mark.parametrize("text", ODD_TEXTS.values(), ids=ODD_TEXTS)
def test_odd_texts_get_a_row_a_token(nlp: Language, lexicon_file: Path, text: str) -> None:
    parts: dict[str, Any] = {
        "a": build_char_ngram_embed(WIDTH, learned_width=2, rows=20),
        "b": build_lexicon_features(WIDTH, str(lexicon_file)),
    }
    model = build_side_by_side(parts, width=5)
    docs = [nlp(text), nlp("糖尿病")]
    model.initialize(X=docs)
    assert [rows.shape for rows in model.predict(docs)] == [(len(doc), 5) for doc in docs]


def test_vectors_that_are_read_anew_are_looked_up_anew(nlp: Language) -> None:
    model = build_char_ngram_embed(WIDTH, learned_width=0, ngrams=(1,))
    doc = nlp("糖")
    model.initialize(X=[doc])
    before = model.predict([doc])[0]
    other = spacy.blank("zh")
    other.vocab.vectors = Vectors(
        strings=other.vocab.strings, data=np.full((1, WIDTH), 7, np.float16), keys=["糖"]
    )
    nlp.vocab.from_bytes(other.vocab.to_bytes())
    assert (model.predict([doc])[0] == 7).all()
    assert (before != 7).all()


def test_words_are_looked_up_anew_in_vectors_that_are_read_anew(
    nlp: Language, lexicon_file: Path
) -> None:
    model = build_lexicon_features(WIDTH, str(lexicon_file))
    doc = nlp("糖")
    model.initialize(X=[doc])
    assert model.predict([doc])[0][0, 3 * WIDTH : 4 * WIDTH].any()
    other = spacy.blank("zh")
    data = np.full((2, WIDTH), 7, np.float16)
    other.vocab.vectors = Vectors(strings=other.vocab.strings, data=data, keys=["人", "糖"])
    nlp.vocab.from_bytes(other.vocab.to_bytes())
    np.testing.assert_allclose(model.predict([doc])[0], soft_lexicon(nlp, doc))


def test_floret_vectors_are_refused(nlp: Language) -> None:
    data = np.ones((10, WIDTH), np.float32)
    strings = nlp.vocab.strings
    nlp.vocab.vectors = Vectors(strings=strings, data=data, mode="floret", hash_count=1)
    with pytest.raises(VectorsError, match="vectors are of the kind 'floret'"):
        build_char_ngram_embed(WIDTH).initialize(X=[nlp("病")])


def test_side_by_side_joins_in_order_of_names(nlp: Language, lexicon_file: Path) -> None:
    parts = {
        "second": build_lexicon_features(WIDTH, str(lexicon_file)),
        "first": build_char_ngram_embed(WIDTH, learned_width=0),
    }
    model = build_side_by_side(parts)
    docs = [nlp("糖尿病人")]
    model.initialize(X=docs)
    expected = np.hstack([parts[name].predict(docs)[0] for name in sorted(parts)])
    np.testing.assert_array_equal(model.predict(docs)[0], expected)
    assert model.get_dim("nO") == expected.shape[1]


def test_wrong_settings_are_refused(nlp: Language) -> None:
    with pytest.raises(ConfigError, match="at least one part"):
        build_side_by_side({})
    with pytest.raises(ConfigError, match="ngrams is"):
        build_char_ngram_embed(WIDTH, ngrams=(4,))
    with pytest.raises(ConfigError, match="dropout = 1"):
        build_lexicon_features(WIDTH, dropout=1)
    with pytest.raises(ConfigError, match="dropout = -1"):
        build_char_ngram_embed(WIDTH, dropout=-1)
    with pytest.raises(ConfigError, match="learned_dropout = 1"):
        build_char_ngram_embed(WIDTH, learned_dropout=1)
    with pytest.raises(ConfigError, match="needs a lexicon"):
        build_lexicon_features(WIDTH).initialize(X=[nlp("病")])
    with pytest.raises(VectorsError, match=r"vector_width = 9\. Set it to 3"):
        build_char_ngram_embed(9).initialize(X=[nlp("病")])
    with pytest.raises(VectorsError, match="has no vectors"):
        build_char_ngram_embed(WIDTH).initialize(X=[spacy.blank("zh")("病")])


class OnDevice:
    """As an array of cupy: its rows are taken there, and numpy cannot read it."""

    def __init__(self, data: np.ndarray) -> None:
        self.data, self.shape = data, data.shape

    def __array__(self, *arguments: Any) -> np.ndarray:
        raise TypeError("Implicit conversion to a NumPy array is not allowed")

    def get(self) -> np.ndarray:
        return self.data


def test_vectors_that_are_on_a_gpu_are_read_from_memory(nlp: Language) -> None:
    class Table:
        mode, shape = "default", nlp.vocab.vectors.shape
        data, key2row = OnDevice(nlp.vocab.vectors.data), nlp.vocab.vectors.key2row

    class Holder:
        vectors = Table()

    lookup = StaticLookup(WIDTH)
    lookup.use(Holder())  # type: ignore[arg-type]
    found = lookup.vectors(lookup.rows(["糖尿", "沒有"]))
    np.testing.assert_array_equal(found, [vector(nlp, "糖尿"), np.zeros(WIDTH)])
