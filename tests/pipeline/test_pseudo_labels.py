from __future__ import annotations

import lzma
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import spacy
from spacy.language import Language
from spacy.tokens import Doc, DocBin, Span
from typer.testing import CliRunner

from spacy_bioner.cli import app
from spacy_bioner.errors import ConfigError
from spacy_bioner.pipeline.pseudo_labels import Account, Floors, pseudo_label, settle
from tests.pipeline.pipelines import TEXTS, build, initialized, train

NAME = "bert_crf_ner"
# like what the model knows by heart, and not quite
UNSURE = ["病人服用頭痛藥後頭痛。", "糖尿病人今天頭痛", "阿斯匹靈糖尿病藥天氣"]
MISSING, OUTSIDE = 0, 2


def scored_doc() -> Doc:
    """阿斯匹靈 for sure, 頭痛 perhaps, 痛藥 perhaps, but no entity in the best path."""
    doc = spacy.blank("zh")("服用阿斯匹靈頭痛藥。")
    drug, symptom, other = Span(doc, 2, 6, "DRUG"), Span(doc, 6, 8, "SYMP"), Span(doc, 7, 9, "DRUG")
    doc.ents = [drug, symptom]
    for key, spans, scores in (
        ("bioner", [drug, symptom], [0.9, 0.5]),
        ("bioner_candidates", [other, Span(doc, 3, 6, "DRUG")], [0.3, 0.25]),
    ):
        doc.spans[key] = spans
        doc.spans[key].attrs["scores"] = scores
    return doc


def test_what_is_not_sure_is_left_open_and_sure_entities_are_whole() -> None:
    doc = scored_doc()
    assert settle(doc, 0.6) == 3
    assert [(e.start, e.end, e.label_) for e in doc.ents] == [(2, 6, "DRUG")]
    assert [token.ent_iob for token in doc] == [2, 2, 3, 1, 1, 1, 0, 0, 0, 2]
    assert not doc.spans


def test_all_that_is_found_can_be_kept() -> None:
    doc = scored_doc()
    assert settle(doc, 0.5) == 1
    assert [(e.start, e.end) for e in doc.ents] == [(2, 6), (6, 8)]
    assert doc[8].ent_iob == MISSING


@pytest.mark.parametrize(("sure", "possible"), [(0.9, 0.02), (0.6, 0.2), (1.0, 1.0)])
def test_each_token_is_as_the_probabilities_of_all_spans_say(
    trained_cnn: Language, sure: float, possible: float
) -> None:
    texts = [*TEXTS, *UNSURE]
    component, account = trained_cnn.get_pipe(NAME), Account()
    docs = list(pseudo_label(trained_cnn, NAME, texts, Floors(sure, possible, 1.0), account))
    assert [doc.text for doc in docs] == texts
    for doc in docs:
        plain = trained_cnn.make_doc(doc.text)
        found = {(e.start, e.end, e.label_) for e in trained_cnn(doc.text).ents}
        spans = list(all_spans(plain, component.labels))  # type: ignore[attr-defined]
        scores = component.score_spans(plain, spans)  # type: ignore[attr-defined]
        states = ["outside"] * len(doc)
        keys = [(span.start, span.end, span.label_) for span in spans]
        for key, score in zip(keys, scores, strict=True):
            if score >= possible or key in found:
                states[key[0] : key[1]] = ["open"] * (key[1] - key[0])
        for key, score in zip(keys, scores, strict=True):
            if key in found and score >= sure:
                states[key[0] : key[1]] = [key[2]] * (key[1] - key[0])
        assert [state_of(token) for token in doc] == states
    assert account.tokens == sum(map(len, docs))
    assert account.open_tokens == sum(t.ent_iob == MISSING for doc in docs for t in doc)
    assert account.entities.total() == sum(len(doc.ents) for doc in docs)


def all_spans(doc: Doc, labels: tuple[str, ...]) -> Iterator[Span]:
    for start in range(len(doc)):
        for end in range(start + 1, len(doc) + 1):
            yield from (Span(doc, start, end, label) for label in labels)


def state_of(token: spacy.tokens.Token) -> str:
    return {MISSING: "open", OUTSIDE: "outside"}.get(token.ent_iob, token.ent_type_)


def test_no_component_behind_takes_part_and_blank_texts_are_passed_over() -> None:
    nlp = train(initialized(build()))
    ruler: Any = nlp.add_pipe("entity_ruler", config={"overwrite_ents": True})
    ruler.add_patterns([{"label": "DRUG", "pattern": "天氣"}])
    texts = ["", " ", *TEXTS, ""]
    docs = list(pseudo_label(nlp, NAME, texts, Floors(empty=1.0), Account()))
    assert [doc.text for doc in docs] == TEXTS
    assert not docs[2].ents
    assert nlp(TEXTS[2]).ents
    for doc in docs:
        assert doc.user_data == {"labelled_types": ["DISE", "DRUG", "SYMP"]}


def test_what_was_set_before_and_the_model_does_not_know_is_left_open() -> None:
    doc = scored_doc()
    doc.ents = [*doc.ents, Span(doc, 0, 2, "ACTION")]
    settle(doc, 0.6)
    assert [token.ent_iob for token in doc[:2]] == [MISSING, MISSING]


def test_a_pipeline_without_probabilities_is_refused_at_once() -> None:
    with pytest.raises(ConfigError, match="no component"):
        pseudo_label(spacy.blank("zh"), NAME, [], Floors(), Account())


def test_texts_without_a_sure_entity_are_thinned_out(trained_cnn: Language) -> None:
    texts = [TEXTS[2] + "。" * i for i in range(200)]
    account = Account()
    docs = list(pseudo_label(trained_cnn, NAME, texts, Floors(empty=0.25), account))
    assert len(docs) == account.texts == 200 - account.left_out
    assert 25 < len(docs) < 75
    none = list(pseudo_label(trained_cnn, NAME, texts, Floors(empty=0.0), Account()))
    assert none == []


@pytest.mark.parametrize(
    "floors", [Floors(0.5, 0.6), Floors(1.1, 0.2), Floors(0.5, 0.0), Floors(empty=1.5)]
)
def test_probabilities_that_make_no_sense_are_refused(floors: Floors) -> None:
    with pytest.raises(ConfigError, match="must be"):
        floors.check()


def test_the_command_reads_shards_and_writes_a_corpus(
    trained_cnn: Language, tmp_path: Path
) -> None:
    trained_cnn.to_disk(tmp_path / "model")
    texts = tmp_path / "texts"
    texts.mkdir()
    (texts / "a.txt").write_text("".join(TEXTS) + "\n短\n", encoding="utf-8")
    with lzma.open(texts / "b.txt.xz", "wt", encoding="utf-8") as file:
        file.write("\n".join(TEXTS))
    (texts / "c.txt").write_text("不讀" * 20, encoding="utf-8")
    (tmp_path / "weights.tsv").write_text("c\t0\n", encoding="utf-8")
    out = tmp_path / "sure.spacy"
    arguments: list[object] = [tmp_path / "model", texts, out, "--empty", "1", "--shortest", "3"]
    arguments += ["--weights", tmp_path / "weights.tsv"]
    output = run(0, *arguments)
    assert "drawn: 4 of 5 sentences" in output  # two of a.txt are one without 。
    assert f"{out}: 4 sentences" in output
    docs = list(DocBin().from_disk(out).get_docs(spacy.blank("zh").vocab))
    found = [(e.text, e.label_) for doc in docs for e in doc.ents]
    assert ("阿斯匹靈", "DRUG") in found
    assert "entities: " + str(len(found)) in output
    assert "exists" in run(1, *arguments)
    assert "no sentence has 99 to 120" in run(1, *arguments, "--force", "--shortest", "99")
    assert "at most --longest 2" in run(1, *arguments, "--force", "--longest", "2")
    nothing = run(1, *arguments[:3], "--force", "--sure", "1", "--empty", "0")
    assert "no sentence is left to write" in nothing
    assert "must end in .spacy" in run(1, *arguments[:2], tmp_path / "sure")
    assert "no component 'nerr'" in run(1, *arguments, "--force", "--component", "nerr")


def run(code: int, *arguments: object) -> str:
    result = CliRunner().invoke(app, ["pseudo-label", *(str(a) for a in arguments)])
    assert result.exit_code == code, result.output
    return result.output
