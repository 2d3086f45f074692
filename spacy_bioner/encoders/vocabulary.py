"""Learns the vocabulary of an encoder from texts: characters, then wordpieces."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import repeat

from tokenizers import Tokenizer, models, trainers

from spacy_bioner.encoders.segmentation import WordSplitter
from spacy_bioner.errors import EncoderError

CONTINUATION = "##"

# ASCII, Latin-1, Greek, full-width forms and full-width signs: drug names and doses.
_ALWAYS_KEPT = (
    (0x21, 0x7E),
    (0xA1, 0xFF),
    (0x391, 0x3C9),
    (0xFF01, 0xFF5E),
    (0xFFE0, 0xFFE6),
)


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """What an encoder's tokenizer knows.

    tokens: the tokens, each at its id: special tokens, characters, wordpieces.
    characters_left_out: distinct characters of the texts that found no place.
    texts: number of texts that the vocabulary was learnt from.
    """

    tokens: tuple[str, ...]
    characters_left_out: int
    texts: int


@dataclass(slots=True)
class _Counts:
    """Words and characters of the texts, with how often they occur."""

    words: Counter[str]
    characters: Counter[str]
    texts: int


def learn_vocabulary(
    texts: Iterable[str], specials: Sequence[str], size: int, min_frequency: int
) -> Vocabulary:
    """Learn a vocabulary of at most `size` tokens from the texts, read once.

    Memory grows with the distinct words, not with the texts. Every character of
    the texts gets a token, the most frequent first where not all fit. A wordpiece
    occurs at least `min_frequency` times. Raises EncoderError if that is below 1, the
    texts hold no character or are not valid Unicode, or `size` has no room for the
    characters always kept.
    """
    if min_frequency < 1:
        raise EncoderError(f"min_frequency is {min_frequency}; it must be at least 1.")
    splitter = WordSplitter()
    counts = _count(texts, splitter)
    alphabet = _always_kept(splitter)
    room = _room(size, len(specials) + sum(map(len, alphabet.values())))
    left_out = _add_seen_characters(alphabet, counts.characters, splitter, room)
    fixed = [*specials, *sorted(token for forms in alphabet.values() for token in forms)]
    words = _words_to_learn_from(counts.words, alphabet)
    tokens = _train(words, fixed, size, min_frequency)
    return Vocabulary(tokens, characters_left_out=left_out, texts=counts.texts)


def _room(size: int, needed: int) -> int:
    if size < needed:
        raise EncoderError(
            f"vocab_size {size} is too small: the special tokens and the characters "
            f"that are always kept need {needed}. Give a larger one."
        )
    return size - needed


def _count(texts: Iterable[str], splitter: WordSplitter) -> _Counts:
    counts = _Counts(Counter(), Counter(), 0)
    for text in texts:
        counts.texts += 1
        counts.words.update(_split(text, counts.texts, splitter))
    for word, count in counts.words.items():
        for character in word:
            counts.characters[character] += count
    if not counts.texts:
        raise EncoderError("there are no texts to learn a vocabulary from.")
    if not counts.characters:
        raise EncoderError(
            f"there is nothing to learn a vocabulary from: all {counts.texts} texts are empty."
        )
    return counts


def _split(text: str, number: int, splitter: WordSplitter) -> list[str]:
    try:
        return splitter.split(text)
    except UnicodeEncodeError as error:
        raise EncoderError(f"text {number} is not valid Unicode: {error.reason}.") from error


def _forms(character: str, splitter: WordSplitter) -> tuple[str, ...]:
    if splitter.joins_words(character):
        return (character, CONTINUATION + character)
    return (character,)


def _always_kept(splitter: WordSplitter) -> dict[str, tuple[str, ...]]:
    """Return the characters that every vocabulary has, each with its tokens."""
    characters = (chr(code) for first, last in _ALWAYS_KEPT for code in range(first, last + 1))
    return {
        character: _forms(character, splitter)
        for character in characters
        if character.isprintable() and splitter.split(character) == [character]
    }


def _add_seen_characters(
    alphabet: dict[str, tuple[str, ...]],
    seen: Counter[str],
    splitter: WordSplitter,
    room: int,
) -> int:
    """Add to the alphabet what fits in `room` tokens; return how many characters do not."""
    new = [character for character in seen if character not in alphabet]
    new.sort(key=lambda character: (-seen[character], character))
    for kept, character in enumerate(new):
        forms = _forms(character, splitter)
        room -= len(forms)
        if room < 0:
            return len(new) - kept
        alphabet[character] = forms
    return 0


def _words_to_learn_from(
    words: Counter[str], alphabet: dict[str, tuple[str, ...]]
) -> Iterator[str]:
    """Yield each word of known characters as often as it occurs, in a fixed order."""
    for word in sorted(words):
        if len(word) > 1 and all(character in alphabet for character in word):
            yield from repeat(word, words[word])


def _train(
    words: Iterable[str], fixed: list[str], size: int, min_frequency: int
) -> tuple[str, ...]:
    """Return the fixed tokens and after them the wordpieces learnt from the words.

    The trainer numbers characters in the order of a hash map, and breaks ties by
    number, so that two runs differ. Handing it every character as a "special" token
    fixes the numbers.
    """
    trainer = trainers.WordPieceTrainer(
        vocab_size=size,
        min_frequency=min_frequency,
        special_tokens=fixed,
        continuing_subword_prefix=CONTINUATION,
        show_progress=False,
    )
    tokenizer = Tokenizer(models.WordPiece(unk_token=fixed[0]))
    tokenizer.train_from_iterator(words, trainer)
    vocabulary: dict[str, int] = tokenizer.get_vocab()
    return tuple(sorted(vocabulary, key=vocabulary.__getitem__))
