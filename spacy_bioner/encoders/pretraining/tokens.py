"""Texts as token ids: each shard is tokenised once and kept on disk."""

from __future__ import annotations

import hashlib
import os
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


@dataclass(frozen=True, slots=True)
class TokenStream:
    """The tokens of a shard, paragraphs end to end, each closed by the separator.

    values: (N,) uint32; the low 31 bits are the token's id, the highest bit says that
    the token continues the word before it.
    """

    shard: Shard
    values: NDArray[np.uint32]


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
    """Return the shards' tokens, as arrays mapped from files in `folder`.

    What was tokenised before, from the same file with the same tokenizer and lexicon, is
    taken as it is. Raises EncoderError if a shard has no text.
    """
    folder.mkdir(parents=True, exist_ok=True)
    settings = tokenizer.backend_tokenizer.to_str() + (lexicon.fingerprint if lexicon else "")
    streams = []
    for shard in tqdm(shards, desc="tokenising", unit="shard", disable=None):
        stored = folder / f"{shard.name}.{_fingerprint(shard.path, settings)}.npy"
        if not stored.exists():
            _store(_tokenize(shard.path, tokenizer, lexicon), stored)
        values = np.load(stored, mmap_mode="r")
        if not len(values):
            raise EncoderError(f"{shard.path}: has no text. Leave it out, or give it weight 0.")
        streams.append(TokenStream(shard, values))
    return streams


def _fingerprint(path: Path, settings: str) -> str:
    status = path.stat()
    named = f"{path.resolve()} {status.st_size} {status.st_mtime_ns} {settings}"
    return hashlib.sha256(named.encode()).hexdigest()[:16]


def _store(values: NDArray[np.uint32], path: Path) -> None:
    temporary = path.with_suffix(f".{os.getpid()}.tmp.npy")
    np.save(temporary, values)
    temporary.rename(path)


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
    """Return the ids (N,) of a text, with the bit of each token that continues a word."""
    values = np.array(encoding.ids, dtype=np.uint32)
    words = np.array([-1 if word is None else word for word in encoding.word_ids], dtype=np.int64)
    continues = np.zeros(len(values), dtype=np.bool_)
    continues[1:] = words[1:] == words[:-1]
    if lexicon is not None and len(values):
        begins = np.array(encoding.offsets, dtype=np.int64)[:, 0]
        continues |= _continues_a_term(text, lexicon)[begins]
    values[continues] |= np.uint32(_CONTINUES)
    return values


def _continues_a_term(text: str, lexicon: Lexicon) -> NDArray[np.bool_]:
    inside = np.zeros(len(text), dtype=np.bool_)
    for _, start, end in lexicon.segment(text):
        inside[start + 1 : end] = True
    return inside


def first_lines(shards: Sequence[Shard], characters: int) -> Iterator[str]:
    """Yield lines from the shards' beginnings, about `characters` in all, shared by weight.

    Raises EncoderError if all files are empty.
    """
    total = sum(shard.weight * shard.path.stat().st_size for shard in shards)
    if not total:
        raise EncoderError(f"{', '.join(str(shard.path) for shard in shards)}: no text at all.")
    for shard in shards:
        room = characters * shard.weight * shard.path.stat().st_size / total
        for line in read_lines(shard.path):
            yield line
            room -= len(line)
            if room <= 0:
                break
