"""Which tokens are joined to the one before, by what a run of letters and digits is."""

from __future__ import annotations

from itertools import chain

import pytest
import spacy
from hypothesis import given
from hypothesis import strategies as st

from spacy_bioner.pipeline.clamps import clamps_of
from spacy_bioner.tags import TagScheme
from spacy_bioner.text_runs import RUN

TEXTS = st.lists(st.sampled_from([*"血壓，。 1２aβ-.,’", "B12", "5-FU"]) | st.text(max_size=2))


def joined(texts: list[str], lang: str) -> list[list[bool]]:
    """By the definition: the tokens that begin within a run."""
    docs = map(spacy.blank(lang), texts)
    inside = [[{*range(run.start() + 1, run.end())} for run in RUN.finditer(t)] for t in texts]
    return [
        [any(token.idx in run for run in runs) for token in doc]
        for doc, runs in zip(docs, inside, strict=True)
    ]


@pytest.mark.parametrize("lang", ["zh", "en"])
@given(st.lists(TEXTS.map("".join), min_size=1, max_size=3))
def test_joined_are_tokens_that_begin_within_a_run(lang: str, texts: list[str]) -> None:
    docs = [spacy.blank(lang)(text) for text in texts]
    found = clamps_of(docs, TagScheme(("A",)), respect=False, snap_runs=True).joined
    assert found is not None
    assert found.tolist() == [*chain.from_iterable(joined(texts, lang))]
