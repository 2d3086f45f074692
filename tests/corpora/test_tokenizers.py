from __future__ import annotations

import subprocess
import sys

import pytest
import spacy
from spacy.util import registry

from spacy_bioner.corpora.tokenizers import blank_pipeline
from spacy_bioner.errors import ConfigError


@pytest.mark.parametrize(
    ("error", "hint"),
    [
        ("Japanese support requires SudachiPy", "Japanese support requires SudachiPy"),
        ("[E048] Can't import language xx", "spaCy knows no such language"),
    ],
)
def test_what_a_language_needs_is_told(
    monkeypatch: pytest.MonkeyPatch, error: str, hint: str
) -> None:
    def fail(lang: str, **settings: object) -> None:
        raise ImportError(error)

    monkeypatch.setattr(spacy, "blank", fail)
    with pytest.raises(ConfigError, match=f"--lang ja: {hint}"):
        blank_pipeline("ja")


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_blank_pipeline_tokenises_as_that_of_spacy(lang):
    text = "He took 50µg COVID-19 vaccine.病人頭痛。"
    words = [[t.text for t in nlp(text)] for nlp in (blank_pipeline(lang), spacy.blank(lang))]
    assert words[0] == words[1]


def test_another_tokenizer_is_asked_for_by_name() -> None:
    nlp = blank_pipeline("en", "alphanumeric")
    assert [token.text for token in nlp("(METH)-induced")] == ["(", "METH", ")", "-", "induced"]


def test_components_of_other_packages_are_not_imported_and_found_later():
    program = (
        "import sys\n"
        "from spacy_bioner.corpora.tokenizers import blank_pipeline\n"
        "nlp = blank_pipeline('en')\n"
        "assert 'spacy_bioner.pipeline.bert_crf_ner' not in sys.modules\n"
        "assert 'spacy_transformers' not in sys.modules\n"
        "import spacy\n"
        "spacy.blank('en').add_pipe('bert_crf_ner')\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_unknown_language_is_named():
    with pytest.raises(ConfigError, match="--lang xx-y: spaCy knows no such language"):
        blank_pipeline("xx-y")
    assert registry._entry_point_factories.entry_points
