from __future__ import annotations

import pytest

from spacy_bioner.text_runs import RUN


@pytest.mark.parametrize(
    ("text", "runs"),
    [
        ("維生素B12與COVID-19", ["B12", "COVID-19"]),
        ("用50µg的5-FU", ["50µg", "5-FU"]),
        ("ＰＭ２．５與1,000mg", ["ＰＭ２．５", "1,000mg"]),
        ("AST/ALT,Na+", ["AST", "ALT", "Na"]),
        ("-a- b.c '", ["a", "b", "c"]),
        ("β-胡蘿蔔素", ["β"]),
        ("Crohn's病", ["Crohn's"]),
        ("1.Aspirin 2.Metformin", ["1", "Aspirin", "2", "Metformin"]),
        ("HbA1c.eGFR", ["HbA1c", "eGFR"]),
        ("Aspirin×2", ["Aspirin", "2"]),
    ],
)
def test_runs_are_letters_and_digits_with_joining_signs(text: str, runs: list[str]) -> None:
    assert RUN.findall(text) == runs
