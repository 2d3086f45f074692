"""The numbers in assets/sample/README.md are those of the corpus."""

from __future__ import annotations

import random
from pathlib import Path
from types import ModuleType

import pytest

from tests.assets.test_sample import Corpus, Record, corpus, generate, mentions

__all__ = ["corpus", "generate"]  # fixtures

SAMPLE = Path(__file__).resolve().parents[2] / "assets" / "sample"


@pytest.fixture(scope="module")
def readme() -> str:
    """The text with every run of blanks and line ends made one blank."""
    return " ".join((SAMPLE / "README.md").read_text(encoding="utf-8").split())


def row(split: str, records: list[Record]) -> str:
    characters = sum(len(record["sentence"]) for record in records)
    empty = sum(not mentions([record]) for record in records) / len(records)
    found = mentions(records)
    return (
        f"| {split} | {len(records):,} | {characters:,} | {len(found):,} "
        f"| {len(set(found))} | {empty:.1%} |"
    )


def unseen(corpus: Corpus, split: str) -> str:
    seen = {word for word, _ in mentions(corpus["train"])}
    words = [word for word, _ in mentions(corpus[split])]
    new = sum(word not in seen for word in words)
    return f"{len(words)} {split} mentions, {new} ({new / len(words):.1%})"


@pytest.mark.parametrize("split", ["train", "dev", "test"])
def test_readme_table_counts_the_files(corpus: Corpus, readme: str, split: str) -> None:
    assert row(split, corpus[split]) in readme


@pytest.mark.parametrize("split", ["dev", "test"])
def test_readme_counts_unseen_mentions(corpus: Corpus, readme: str, split: str) -> None:
    assert unseen(corpus, split) in readme


def test_readme_counts_frames(generate: ModuleType, readme: str) -> None:
    held = len(generate.load_frames("held"))
    frames = held + len(generate.load_frames("common"))
    assert f"{held} of the {frames} frames, occur only in dev and test" in readme
    assert f"fills {frames} sentence frames" in readme


def test_readme_counts_mentions_of_the_lexicon(generate: ModuleType, readme: str) -> None:
    slots = generate.load_lexicon(random.Random(0)).slots
    typed = {word for name, words in slots.items() if name[0].isupper() for word in words}
    assert f"about {round(len(typed), -2):,} mentions" in readme
