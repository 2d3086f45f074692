"""Random tag sequences, broken ones among them, for comparisons with other scorers."""

from __future__ import annotations

import random

LABELS = ("DISE", "SYMP", "DRUG")
TAGS = ["O", "O", "O", *(f"{prefix}-{label}" for label in LABELS for prefix in "BI")]


def random_pairs(count: int, seed: int) -> list[tuple[list[str], list[str]]]:
    """Sequences of gold tags, and the same with some tags changed at random."""
    chance = random.Random(seed)
    pairs = []
    for _ in range(count):
        gold = [chance.choice(TAGS) for _ in range(chance.randint(1, 25))]
        change = chance.choice([0.0, 0.1, 0.3, 1.0])
        pairs.append((gold, [chance.choice(TAGS) if chance.random() < change else t for t in gold]))
    return pairs
