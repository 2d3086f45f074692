"""Makes the network of an encoder, with random weights."""

from __future__ import annotations

from typing import TYPE_CHECKING

from spacy_bioner.encoders.shape import EncoderShape
from spacy_bioner.encoders.tokenizer import special_tokens

if TYPE_CHECKING:
    from transformers import PretrainedConfig, PreTrainedModel


def make_random_model(shape: EncoderShape, vocab_size: int, seed: int) -> PreTrainedModel:
    """Return the network with weights drawn from `seed`.

    The random state of torch is left as it was.
    """
    import torch
    from transformers import AutoModel

    config = _make_config(shape, vocab_size)
    with torch.device("cpu"), torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        return AutoModel.from_config(config)


def _make_config(shape: EncoderShape, vocab_size: int) -> PretrainedConfig:
    if shape.architecture == "bert":
        return _bert_config(shape, vocab_size)
    if shape.architecture == "roberta":
        return _roberta_config(shape, vocab_size)
    if shape.architecture == "modernbert":
        return _modernbert_config(shape, vocab_size)
    return _bart_config(shape, vocab_size)


def _bert_config(shape: EncoderShape, vocab_size: int) -> PretrainedConfig:
    from transformers import BertConfig

    specials = special_tokens("bert")
    return BertConfig(
        vocab_size=vocab_size,
        num_hidden_layers=shape.layers,
        hidden_size=shape.width,
        num_attention_heads=shape.heads,
        intermediate_size=shape.feed_forward,
        max_position_embeddings=shape.max_length,
        hidden_dropout_prob=shape.dropout,
        attention_probs_dropout_prob=shape.dropout,
        pad_token_id=specials.id_of(specials.pad),
    )


def _roberta_config(shape: EncoderShape, vocab_size: int) -> PretrainedConfig:
    """Return RoBERTa's config. Its positions are counted from pad_token_id + 1."""
    from transformers import RobertaConfig

    specials = special_tokens("roberta")
    pad = specials.id_of(specials.pad)
    return RobertaConfig(
        vocab_size=vocab_size,
        num_hidden_layers=shape.layers,
        hidden_size=shape.width,
        num_attention_heads=shape.heads,
        intermediate_size=shape.feed_forward,
        max_position_embeddings=shape.max_length + pad + 1,
        type_vocab_size=1,
        layer_norm_eps=1e-5,
        hidden_dropout_prob=shape.dropout,
        attention_probs_dropout_prob=shape.dropout,
        pad_token_id=pad,
        bos_token_id=specials.id_of(specials.start),
        eos_token_id=specials.id_of(specials.end),
    )


def _modernbert_config(shape: EncoderShape, vocab_size: int) -> PretrainedConfig:
    """Return ModernBERT's config: every layer reads the whole input.

    Angle of the rotary positions and deviation of the weights fit narrow encoders and
    short inputs, and were found by trial (docs/decisions/0006).
    """
    from transformers import ModernBertConfig

    specials = special_tokens("modernbert")
    start, end = specials.id_of(specials.start), specials.id_of(specials.end)
    return ModernBertConfig(
        vocab_size=vocab_size,
        num_hidden_layers=shape.layers,
        hidden_size=shape.width,
        num_attention_heads=shape.heads,
        intermediate_size=shape.feed_forward,
        max_position_embeddings=shape.max_length,
        global_attn_every_n_layers=1,
        global_rope_theta=200.0,
        initializer_range=0.04,
        embedding_dropout=shape.dropout,
        attention_dropout=shape.dropout,
        mlp_dropout=shape.dropout,
        reference_compile=False,
        pad_token_id=specials.id_of(specials.pad),
        bos_token_id=start,
        cls_token_id=start,
        eos_token_id=end,
        sep_token_id=end,
    )


def _bart_config(shape: EncoderShape, vocab_size: int) -> PretrainedConfig:
    """Return BART's config, without the cache, which only generation needs."""
    from transformers import BartConfig

    specials = special_tokens("bart")
    end = specials.id_of(specials.end)
    return BartConfig(
        vocab_size=vocab_size,
        d_model=shape.width,
        encoder_layers=shape.layers // 2,
        decoder_layers=shape.layers // 2,
        encoder_attention_heads=shape.heads,
        decoder_attention_heads=shape.heads,
        encoder_ffn_dim=shape.feed_forward,
        decoder_ffn_dim=shape.feed_forward,
        max_position_embeddings=shape.max_length,
        dropout=shape.dropout,
        attention_dropout=shape.dropout,
        use_cache=False,
        pad_token_id=specials.id_of(specials.pad),
        bos_token_id=specials.id_of(specials.start),
        eos_token_id=end,
        decoder_start_token_id=end,
        forced_eos_token_id=end,
    )
