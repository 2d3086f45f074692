"""Write the sample corpus: made-up Chinese health sentences in the HealthNER layout.

A sentence is a frame (frames.json) whose slots are filled from the word lists
(lexicon.json). The same seed always gives the same bytes.
"""

from __future__ import annotations

import argparse
import json
import random
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any, Generic, TypeVar

HERE = Path(__file__).resolve().parent
SIZES = {"train": 1400, "dev": 350, "test": 350}
HELD_SHARE = 0.3
LEAD_SHARE = 0.25
PLAIN_SHARE = 0.18
PAIR_SHARE = 0.25
LENGTHS = range(10, 91)
MARKS = "，。、！？：；（）~?!,"
PIECE = re.compile(rf"\{{([^}}]+)\}}|([{MARKS}]|\.+)|([^\s{{}}{MARKS}.]+)")
TYPED = re.compile(r"\{[A-Z]")
PART = re.compile(r"(\{[^}]+\})")

Card = TypeVar("Card")
Token = tuple[str, str]  # a word and its label


@dataclass(frozen=True)
class Frame:
    """A sentence pattern and the genre it belongs to."""

    genre: str
    text: str

    @property
    def plain(self) -> bool:
        """Whether the frame has no mention in it."""
        return not TYPED.search(self.text)


@dataclass
class Lexicon:
    """What each slot may become, and which mentions training must not see."""

    slots: dict[str, list[str]]
    held: frozenset[str]


class Deck(Generic[Card]):
    """Deals its cards in random order, reshuffling only when all have been dealt."""

    def __init__(self, cards: list[Card], rng: random.Random) -> None:
        self.cards = cards
        self.rng = rng
        self.left: list[Card] = []

    def deal(self) -> Card:
        """Give the next card."""
        if not self.left:
            self.left = self.rng.sample(self.cards, len(self.cards))
        return self.left.pop()


def read_json(name: str) -> dict[str, Any]:
    """Read one of the source files that lie beside this program."""
    loaded: dict[str, Any] = json.loads((HERE / name).read_text(encoding="utf-8"))
    return loaded


def split_words(lines: list[str]) -> list[str]:
    """Split lists of words; an underscore stands for a space inside a word."""
    return [word.replace("_", " ") for word in " ".join(lines).split()]


def expand(lines: list[str], parts: dict[str, list[str]]) -> list[str]:
    """Replace every {part} in every word by each of its values, without repeats."""
    found: dict[str, None] = {}
    for word in split_words(lines):
        pieces = [piece for piece in PART.split(word) if piece]
        options = [split_words(parts[p[1:-1]]) if p[0] == "{" else [p] for p in pieces]
        found.update(dict.fromkeys("".join(choice) for choice in product(*options)))
    return list(found)


def group_slots(types: dict[str, Any], parts: dict[str, list[str]]) -> dict[str, list[str]]:
    """Map "TYPE.group" to the mentions of that group."""
    return {
        f"{label}.{group}": expand(lines, parts)
        for label, groups in types.items()
        for group, lines in groups.items()
    }


def choose_held(
    ordinary: dict[str, list[str]], shared: set[str], rng: random.Random
) -> frozenset[str]:
    """Choose the mentions of each group that only dev and test may use."""
    held: set[str] = set()
    for words in ordinary.values():
        free = [word for word in words if word not in shared]
        held.update(rng.sample(free, round(HELD_SHARE * len(free))))
    return frozenset(held)


def load_lexicon(rng: random.Random) -> Lexicon:
    """Read and expand the word lists; the contextual groups are never held out."""
    raw = read_json("lexicon.json")
    ordinary = group_slots(raw["types"], raw["parts"])
    contextual = group_slots(raw["contextual"], raw["parts"])
    shared = {word for words in contextual.values() for word in words}
    slots = ordinary | contextual
    for label in raw["types"]:
        words = [w for name, group in ordinary.items() if name.startswith(label) for w in group]
        slots[label] = list(dict.fromkeys(words))
    slots |= {name: split_words(lines) for name, lines in raw["free"].items()}
    return Lexicon(slots, choose_held(ordinary, shared, rng))


def load_frames(kind: str) -> list[Frame]:
    """List the frames of one kind: leads, common or held."""
    raw = read_json("frames.json")
    return [Frame(genre, text) for genre, kinds in raw.items() for text in kinds[kind]]


def deck_by_genre(frames: list[Frame], rng: random.Random) -> dict[str, Deck[Frame]]:
    """Make one deck of frames for each genre."""
    genres = dict.fromkeys(frame.genre for frame in frames)
    return {g: Deck([frame for frame in frames if frame.genre == g], rng) for g in genres}


class Writer:
    """Fills frames for one split."""

    def __init__(self, lexicon: Lexicon, train: bool, rng: random.Random) -> None:
        banned = lexicon.held if train else frozenset()
        self.rng = rng
        self.decks = {
            name: Deck([word for word in words if word not in banned], rng)
            for name, words in lexicon.slots.items()
        }
        frames = load_frames("common") + ([] if train else load_frames("held"))
        typed = [frame for frame in frames if not frame.plain]
        self.plain = Deck([frame for frame in frames if frame.plain], rng)
        self.typed = Deck(typed, rng)
        self.leads = deck_by_genre(load_frames("leads"), rng)
        self.seconds = deck_by_genre(typed, rng)

    def fill(self, text: str) -> list[Token]:
        """Turn a frame into labelled words."""
        tokens: list[Token] = []
        for slot, mark, word in PIECE.findall(text):
            if not slot:
                tokens.append((mark or word.replace("_", " "), "O"))
                continue
            label = slot.split(".")[0] if slot[0].isupper() else "O"
            tokens.append((self.pick(slot, tokens), label))
        return tokens

    def pick(self, slot: str, before: list[Token]) -> str:
        """Deal a word for the slot that the sentence does not have yet."""
        used = {word for word, _ in before}
        word = ""
        for _ in range(2 * len(self.decks[slot].cards)):
            word = self.decks[slot].deal()
            if word not in used:
                break
        return word

    def sentences(self) -> Iterator[tuple[str, list[Token]]]:
        """Yield sentences of the wanted length for ever, each with its genre."""
        while True:
            plain = self.rng.random() < PLAIN_SHARE
            frame = (self.plain if plain else self.typed).deal()
            tokens = self.fill(self.extend(frame))
            if len(join(tokens)) in LENGTHS:
                yield frame.genre, tokens

    def extend(self, frame: Frame) -> str:
        """Sometimes put a lead before the frame, sometimes other frames after it."""
        lead = self.rng.random() < LEAD_SHARE
        texts = [self.leads[frame.genre].deal().text + frame.text if lead else frame.text]
        while self.rng.random() < PAIR_SHARE:
            second = self.seconds[frame.genre].deal()
            if second != frame:
                texts.append(second.text)
        return (" _ " if frame.genre == "sm" else "").join(texts)


def join(tokens: list[Token]) -> str:
    """Give the plain text of a sentence."""
    return "".join(word for word, _ in tokens)


def bio(word: str, label: str) -> list[str]:
    """Label the characters of one word."""
    if label == "O":
        return ["O"] * len(word)
    return [f"B-{label}"] + [f"I-{label}"] * (len(word) - 1)


def make_record(number: int, genre: str, tokens: list[Token]) -> dict[str, Any]:
    """Lay a sentence out as HealthNER does."""
    sentence = join(tokens)
    return {
        "id": f"{number:06d}",
        "genre": genre,
        "sentence": sentence,
        "word": [word for word, _ in tokens],
        "word_label": [label for _, label in tokens],
        "character": list(sentence),
        "character_label": [tag for word, label in tokens for tag in bio(word, label)],
    }


def make_corpus(seed: int) -> dict[str, list[dict[str, Any]]]:
    """Make all splits; no sentence occurs twice in the corpus."""
    rng = random.Random(seed)
    lexicon = load_lexicon(rng)
    seen: set[str] = set()
    corpus: dict[str, list[dict[str, Any]]] = {}
    for split, size in SIZES.items():
        records: list[dict[str, Any]] = []
        stream = Writer(lexicon, split == "train", rng).sentences()
        while len(records) < size:
            genre, tokens = next(stream)
            if join(tokens) not in seen:
                seen.add(join(tokens))
                records.append(make_record(len(seen), genre, tokens))
        corpus[split] = records
    return corpus


def write_corpus(corpus: dict[str, list[dict[str, Any]]], out: Path) -> None:
    """Write one file a split, each under a temporary name first."""
    out.mkdir(parents=True, exist_ok=True)
    for split, records in corpus.items():
        lines = [json.dumps(record, ensure_ascii=False) + "\n" for record in records]
        temporary = out / f".{split}.json.tmp"
        temporary.write_text("".join(lines), encoding="utf-8", newline="\n")
        temporary.replace(out / f"{split}.json")


def main() -> None:
    """Read the command line and write the corpus."""
    parser = argparse.ArgumentParser(description="Write the sample corpus.")
    parser.add_argument("--out", type=Path, default=HERE, help="folder to write to")
    parser.add_argument("--seed", type=int, default=2022, help="seed of the random choices")
    options = parser.parse_args()
    write_corpus(make_corpus(options.seed), options.out)


if __name__ == "__main__":
    main()
