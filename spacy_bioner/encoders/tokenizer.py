"""Wraps a vocabulary as the fast tokenizer of an architecture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tokenizers import Tokenizer, decoders, models, processors

from spacy_bioner.encoders.segmentation import make_normalizer, make_pre_tokenizer
from spacy_bioner.encoders.shape import Architecture
from spacy_bioner.encoders.vocabulary import CONTINUATION

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

_LONGEST_WORD = 1000


@dataclass(frozen=True, slots=True)
class SpecialTokens:
    """The special tokens of an architecture; `in_order` gives them by their ids."""

    start: str
    end: str
    pad: str
    unknown: str
    mask: str
    in_order: tuple[str, ...]

    def id_of(self, token: str) -> int:
        """Return the id of a special token."""
        return self.in_order.index(token)


_BERT = SpecialTokens(
    *("[CLS]", "[SEP]", "[PAD]", "[UNK]", "[MASK]"),
    in_order=("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"),
)
_ROBERTA = SpecialTokens(
    *("<s>", "</s>", "<pad>", "<unk>", "<mask>"),
    in_order=("<s>", "<pad>", "</s>", "<unk>", "<mask>"),
)


def special_tokens(architecture: Architecture) -> SpecialTokens:
    """Return the special tokens of the architecture."""
    return _BERT if architecture in ("bert", "modernbert") else _ROBERTA


def make_tokenizer(
    tokens: tuple[str, ...], architecture: Architecture, max_length: int
) -> PreTrainedTokenizerFast:
    """Return the fast tokenizer over `tokens`, whose places are their ids.

    max_length: longest input in wordpieces. It is written into the tokenizer: without
    it spacy-transformers does not cut long inputs, and the encoder fails on them.
    """
    specials = special_tokens(architecture)
    vocabulary = {token: index for index, token in enumerate(tokens)}
    tokenizer = Tokenizer(
        models.WordPiece(
            vocab=vocabulary,
            unk_token=specials.unknown,
            max_input_chars_per_word=_LONGEST_WORD,
            continuing_subword_prefix=CONTINUATION,
        )
    )
    tokenizer.normalizer = make_normalizer()
    tokenizer.pre_tokenizer = make_pre_tokenizer()
    tokenizer.post_processor = _post_processor(specials)
    tokenizer.decoder = decoders.WordPiece(prefix=CONTINUATION)
    if architecture == "bert":
        return _wrap_bert(tokenizer, max_length)
    return _wrap_plain(tokenizer, specials, max_length)


def _post_processor(specials: SpecialTokens) -> processors.TemplateProcessing:
    start, end = specials.start, specials.end
    pair = (
        f"{start} $A {end} $B:1 {end}:1"
        if specials is _BERT
        else f"{start} $A {end} {end} $B {end}"
    )
    return processors.TemplateProcessing(
        single=f"{start} $A {end}",
        pair=pair,
        special_tokens=[(token, specials.id_of(token)) for token in (start, end)],
    )


def _wrap_bert(tokenizer: Tokenizer, max_length: int) -> PreTrainedTokenizerFast:
    from transformers import BertTokenizerFast

    return BertTokenizerFast(
        tokenizer_object=tokenizer,
        model_max_length=max_length,
        do_lower_case=False,
        strip_accents=False,
        tokenize_chinese_chars=True,
    )


def _wrap_plain(
    tokenizer: Tokenizer, specials: SpecialTokens, max_length: int
) -> PreTrainedTokenizerFast:
    """Wrap without token types, which BART and ModernBERT do not take."""
    from transformers import PreTrainedTokenizerFast

    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        model_max_length=max_length,
        model_input_names=["input_ids", "attention_mask"],
        bos_token=specials.start,
        eos_token=specials.end,
        cls_token=specials.start,
        sep_token=specials.end,
        pad_token=specials.pad,
        unk_token=specials.unknown,
        mask_token=specials.mask,
    )
