from __future__ import annotations

from transformers import BertConfig, RobertaConfig, T5Config

from spacy_bioner.networks.limit import encoder_limit

BERT = BertConfig(max_position_embeddings=512)
ROBERTA = RobertaConfig(max_position_embeddings=514, pad_token_id=1)


def test_limit_is_that_of_the_positions_and_of_the_tokenizer() -> None:
    assert encoder_limit(BERT, None) == 512
    assert encoder_limit(BERT, 128) == 128
    assert encoder_limit(BERT, 10**30) == 512
    assert encoder_limit(ROBERTA, None) == 512
    assert encoder_limit(T5Config(), 10**30) is None
