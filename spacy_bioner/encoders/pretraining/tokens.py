"""Texts as token ids: each shard is tokenised once and kept on disk."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from spacy_bioner.errors import EncoderError
from spacy_bioner.lexicon import Lexicon
from spacy_bioner.rawtext.shards import Shard, read_lines

if TYPE_CHECKING:
    from tokenizers import Encoding
    from transformers import PreTrainedTokenizerFast

_LINES_AT_A_TIME = 1000
_CONTINUES = 1 << 31
_MAPPED = 1 << 18  # values; shorter streams are read whole, as each map keeps a file open
_HAN = re.compile("[々〇㐀-䶿一-鿿豈-﫿\U00020000-\U0003ffff]")


@dataclass(frozen=True, slots=True)
class TokenStream:
    """The tokens of a shard, paragraphs end to end, each closed by the separator.

    values: (N,) uint32; the low 31 bits are the token's id, the highest bit says that
    the token continues the word before it. file: where they are kept.
    """

    shard: Shard
    values: NDArray[np.uint32]
    file: Path | None = None


def ids_of(values: NDArray[np.uint32]) -> NDArray[np.int64]:
    """Return the token ids of a stream's values."""
    return (values & (_CONTINUES - 1)).astype(np.int64)


def starts_of(values: NDArray[np.uint32]) -> NDArray[np.bool_]:
    """Return which of a stream's tokens begin a word."""
    return values < _CONTINUES


def tokenize_shards(
    shards: Sequence[Shard],
    tokenizer: PreTrainedTokenizerFast,
    folder: Path,
    lexicon: Lexicon | None = None,
) -> list[TokenStream]:
    """Return the shards' tokens, kept in files in `folder`, from which long ones are mapped.

    What was tokenised before, from the same file with the same tokenizer and lexicon, is
    taken as it is. Raises EncoderError if a shard has no text.
    """
    folder.mkdir(parents=True, exist_ok=True)
    settings = tokenizer.backend_tokenizer.to_str() + (lexicon.fingerprint if lexicon else "")
    streams = []
    for shard in tqdm(shards, desc="tokenising", unit="shard", disable=None):
        stored = folder / f"{shard.name}.{_fingerprint(shard.path, settings)}.npy"
        values = _load(stored)
        if values is None:
            _store(_tokenize(shard.path, tokenizer, lexicon), stored)
            values = _load(stored)
        if values is None or not len(values):
            raise EncoderError(f"{shard.path}: has no text. Leave it out, or give it weight 0.")
        streams.append(TokenStream(shard, values, stored))
    return streams


def _fingerprint(path: Path, settings: str) -> str:
    status = path.stat()
    named = f"{path.resolve()} {status.st_size} {status.st_mtime_ns} {settings}"
    return hashlib.sha256(named.encode()).hexdigest()[:16]


def _store(values: NDArray[np.uint32], path: Path) -> None:
    temporary = path.with_suffix(f".{os.getpid()}.tmp.npy")
    try:
        with temporary.open("wb") as file:
            np.save(file, values)
            file.flush()
            os.fsync(file.fileno())
        temporary.rename(path)
    finally:
        temporary.unlink(missing_ok=True)


def _load(path: Path) -> NDArray[np.uint32] | None:
    """The values of a file, or nothing where there is none, or it was cut off, as by a crash."""
    try:
        values: NDArray[np.uint32] = np.load(path, mmap_mode="r")
    except (FileNotFoundError, ValueError, EOFError):
        return None
    return values if len(values) >= _MAPPED else np.array(values)


def _tokenize(
    path: Path, tokenizer: PreTrainedTokenizerFast, lexicon: Lexicon | None
) -> NDArray[np.uint32]:
    separator = np.array([tokenizer.sep_token_id], dtype=np.uint32)
    parts: list[NDArray[np.uint32]] = []
    lines = read_lines(path)
    while texts := list(islice(lines, _LINES_AT_A_TIME)):
        encodings = tokenizer.backend_tokenizer.encode_batch(texts, add_special_tokens=False)
        for text, encoding in zip(texts, encodings, strict=True):
            parts += [_values(text, encoding, lexicon), separator]
    return np.concatenate(parts) if parts else np.zeros(0, np.uint32)


def _values(text: str, encoding: Encoding, lexicon: Lexicon | None) -> NDArray[np.uint32]:
    """Return the ids (N,) of a text, with the bit of each token that continues a word.

    Tokenizers that cut at blanks alone take a sentence of Chinese for a word. So no word goes on
    at a Han character, nor after one, unless the lexicon has it, or several tokens are one
    character, as its bytes are.
    """
    values = np.array(encoding.ids, dtype=np.uint32)
    if not len(values):
        return values
    words = np.array([-1 if word is None else word for word in encoding.word_ids], dtype=np.int64)
    begins, ends = np.array(encoding.offsets, dtype=np.int64).T  # (N,) each
    han = _are_han(text)  # (C,)
    continues = np.zeros(len(values), dtype=np.bool_)
    same_word = words[1:] == words[:-1]  # (N - 1,), as below
    continues[1:] = same_word & ~(han[begins[1:]] | han[np.maximum(ends[:-1] - 1, 0)])
    if lexicon is not None:
        continues |= _continues_a_term(text, lexicon)[begins]
    continues[1:] |= same_word & (begins[1:] == begins[:-1]) & (ends[1:] == ends[:-1])
    values[continues] |= np.uint32(_CONTINUES)
    return values


def _are_han(text: str) -> NDArray[np.bool_]:
    """Which characters are Han characters, and, after the last one, where a token may be empty."""
    found = np.zeros(len(text) + 1, dtype=np.bool_)
    found[[match.start() for match in _HAN.finditer(text)]] = True
    return found


def _continues_a_term(text: str, lexicon: Lexicon) -> NDArray[np.bool_]:
    inside = np.zeros(len(text) + 1, dtype=np.bool_)
    for _, start, end in lexicon.segment(text):
        inside[start + 1 : end] = True
    return inside


def first_lines(shards: Sequence[Shard], characters: int) -> Iterator[str]:
    """Yield lines from the shards' beginnings, about `characters` in all.

    Of each as many as its length, in characters, and its weight are parts of the whole.

    Raises EncoderError if all files are empty.
    """
    lengths = [sum(map(len, read_lines(shard.path))) for shard in shards]
    total = sum(shard.weight * length for shard, length in zip(shards, lengths, strict=True))
    if not total:
        raise EncoderError(f"{', '.join(str(shard.path) for shard in shards)}: no text at all.")
    for shard, length in zip(shards, lengths, strict=True):
        room = characters * shard.weight * length / total
        for line in read_lines(shard.path):
            yield line
            room -= len(line)
            if room <= 0:
                break
