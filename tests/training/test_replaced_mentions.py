"""Names of lexicons in the place of mentions: what changes, what stays, and what is refused."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
import spacy
from hypothesis import given, settings
from hypothesis import strategies as st
from spacy import registry
from spacy.tokens import Doc, Span
from spacy.training import Example

from spacy_bioner.errors import ConfigError, LexiconError
from spacy_bioner.training.replaced_mentions import build_replaced_mentions

NLP = spacy.blank("en")
DRUGS = {"ibuprofen", "alpha-lipoic acid", "zinc"}


def whole(items: Iterable[Example]) -> Iterator[list[Example]]:
    yield list(items)


@pytest.fixture(scope="module")
def drugs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("lexicon") / "drugs.txt"
    path.write_text("\n".join(DRUGS) + "\n", encoding="utf-8")
    return path


def example(words: str, entities: Iterable[tuple[int, int, str]]) -> Example:
    doc = Doc(NLP.vocab, words=words.split())
    doc.ents = [Span(doc, *places[:2], label=places[2]) for places in entities]
    return Example(Doc(NLP.vocab, words=words.split()), doc)


TWICE = [(0, 1, "Chemical"), (2, 3, "Disease"), (5, 6, "Chemical")]


def replaced(items: list[Example], drugs: Path, **given: Any) -> list[Example]:
    batcher = build_replaced_mentions(whole, {"Chemical": str(drugs)}, **{"share": 1.0, **given})
    (batch,) = batcher(items)
    return batch


def mentions(of: Example) -> list[tuple[str, str]]:
    return [(entity.text, entity.label_) for entity in of.reference.ents]


def test_a_mention_gives_way_to_a_name_and_the_rest_stays(drugs: Path) -> None:
    given = example("Aspirin and headache : no Aspirin .", TWICE)
    (found,) = replaced([given], drugs)
    (first, label), disease, (second, _) = mentions(found)
    assert (label, disease) == ("Chemical", ("headache", "Disease"))
    assert first == second, "a text that is met twice has one name"
    assert first[0].isupper()
    assert first[0].lower() + first[1:] in DRUGS
    assert found.reference.text == f"{first} and headache : no {first} . "
    assert found.predicted.text == found.reference.text
    assert not found.predicted.ents
    assert mentions(given)[0] == ("Aspirin", "Chemical"), "what is given is not changed"


def test_each_pass_has_names_of_its_own_and_a_seed_the_same(drugs: Path) -> None:
    items = [example("aspirin", [(0, 1, "Chemical")]) for _ in range(20)]
    batcher = build_replaced_mentions(whole, {"Chemical": str(drugs)}, share=0.5, seed=3)
    passes = [[mentions(found) for found in batch] for _ in range(2) for batch in batcher(items)]
    assert passes[0] != passes[1]
    texts = {text for found in passes[0] for text, _ in found}
    assert "aspirin" in texts
    assert texts - {"aspirin"} <= DRUGS
    again = build_replaced_mentions(whole, {"Chemical": str(drugs)}, share=0.5, seed=3)
    assert [mentions(found) for found in next(again(items))] == passes[0]


@pytest.mark.filterwarnings("ignore:.*none is replaced")
@given(st.data())
@settings(max_examples=60, deadline=None)
def test_what_is_not_a_mention_stays_in_its_order(drugs: Path, data: st.DataObject) -> None:
    words = data.draw(st.lists(st.sampled_from("ab"), min_size=1, max_size=12))
    cuts = data.draw(st.lists(st.integers(0, len(words)), unique=True, max_size=6).map(sorted))
    labels = random.Random(0)
    places = [
        (begin, end, labels.choice(["Chemical", "Disease"]))
        for begin, end in zip(cuts[::2], cuts[1::2], strict=False)
    ]
    given_one = example(" ".join(words), places)
    (found,) = replaced([given_one], drugs)
    assert outside(found) == outside(given_one)
    assert [label for _, label in mentions(found)] == [label for _, label in mentions(given_one)]
    for (text, label), (before, _) in zip(mentions(found), mentions(given_one), strict=True):
        assert text in DRUGS if label == "Chemical" else text == before


def outside(of: Example) -> list[str]:
    return [token.text for token in of.reference if not token.ent_type]


def test_abbreviations_and_what_is_annotated_in_part_stay(drugs: Path) -> None:
    short = example("ASA helps", [(0, 1, "Chemical")])
    types = example("aspirin helps", [(0, 1, "Chemical")])
    types.reference.user_data["labelled_types"] = ["Chemical"]
    spans = example("aspirin helps", [(0, 1, "Chemical")])
    spans.reference.spans["wrong"] = [spans.reference[1:2]]
    unknown = example("aspirin helps", [])
    unknown.reference.set_ents([], missing=[unknown.reference[1:2]])
    items = [short, types, spans, unknown]
    assert all(a is b for a, b in zip(replaced(items, drugs), items, strict=True))


def test_labels_that_the_data_lacks_are_told_of(drugs: Path) -> None:
    with pytest.warns(UserWarning, match="names for Chemical, and the training data has Disease"):
        replaced([example("headache", [(0, 1, "Disease")])], drugs)


def test_it_comes_from_a_config(drugs: Path) -> None:
    inner = {"@batchers": "spacy.batch_by_sequence.v1", "size": 2, "get_length": None}
    block = {"@batchers": "spacy_bioner.replaced_mentions.v1", "batcher": inner, "share": 1.0}
    resolved = registry.resolve({"batcher": {**block, "lexicons": {"Chemical": str(drugs)}}})
    batches = list(resolved["batcher"]([example("aspirin", [(0, 1, "Chemical")])] * 3))
    assert [len(batch) for batch in batches] == [2, 1]
    assert {text for batch in batches for each in batch for text, _ in mentions(each)} <= DRUGS


def test_wrong_settings_are_refused(drugs: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"share = 2 must be from 0 to 1"):
        replaced([], drugs, share=2)
    with pytest.raises(ConfigError, match=r"drugs\.txt: has no name of at most 0 tokens"):
        replaced([], drugs, longest=0)
    with pytest.raises(LexiconError, match="no such file of terms"):
        replaced([], tmp_path / "absent.txt")
