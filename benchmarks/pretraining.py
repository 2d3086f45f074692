"""Tokens per second of pretraining, against a plain `transformers.Trainer`.

    python -m benchmarks.pretraining TEXT... [--layers 4] [--width 256] [--steps 8]

Both train the same network, without dropout, on the same files, from the same weights. The
Trainer does what its documentation shows: a line a sample, cut at 128 tokens, batches of 32
padded to their longest, `DataCollatorForLanguageModeling`, float32. Ours fills blocks of 128.
Tokens are those of text: padding and special tokens do not count. Rounds of the two take
turns; the median of the ratios is printed. Needs the package `accelerate`.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from statistics import median
from typing import Annotated, Any

import torch
import typer
from transformers import (
    AutoTokenizer,
    DataCollatorForLanguageModeling,
    PreTrainedModel,
    Trainer,
    TrainingArguments,
)
from transformers.utils import logging

from spacy_bioner.encoders.make_encoder import make_encoder
from spacy_bioner.encoders.pretraining.blocks import BlockReader
from spacy_bioner.encoders.pretraining.checkpoint import RunFolder
from spacy_bioner.encoders.pretraining.masking import Masking
from spacy_bioner.encoders.pretraining.network import MaskedLoss, load_masked_model
from spacy_bioner.encoders.pretraining.settings import PretrainingSettings
from spacy_bioner.encoders.pretraining.tokens import tokenize_shards
from spacy_bioner.encoders.pretraining.trainer import Trainer as OwnTrainer
from spacy_bioner.rawtext.shards import find_shards, read_lines

LENGTH, BATCH = 128, 32
Round = Callable[[], float]


def lines_of(texts: list[Path]) -> Iterator[str]:
    return (line for shard in find_shards(texts, {}) for line in read_lines(shard.path))


def theirs(model: PreTrainedModel, tokenizer: Any, lines: list[str], folder: Path) -> Round:
    """Return what trains a round of the Trainer and returns its tokens per second."""
    samples = [tokenizer(line, truncation=True, max_length=LENGTH) for line in lines]
    tokens = sum(len(sample["input_ids"]) - 2 for sample in samples)
    collator = DataCollatorForLanguageModeling(tokenizer, mlm_probability=0.15)
    arguments = TrainingArguments(
        str(folder),
        per_device_train_batch_size=BATCH,
        num_train_epochs=1,
        learning_rate=1e-4,
        report_to=[],
        save_strategy="no",
        logging_strategy="no",
        disable_tqdm=True,
        use_cpu=True,
        dataloader_num_workers=0,
    )

    def run() -> float:
        trainer = Trainer(model, arguments, train_dataset=samples, data_collator=collator)
        began = time.perf_counter()
        trainer.train()
        return tokens / (time.perf_counter() - began)

    return run


def ours(
    model: PreTrainedModel, tokenizer: Any, texts: list[Path], folder: Path, steps: int
) -> Round:
    """Return what trains a round by `pretrain-encoder` and returns its tokens per second."""
    streams = tokenize_shards(find_shards(texts, {}), tokenizer, folder / "tokens")
    ends = (tokenizer.cls_token_id, tokenizer.sep_token_id)
    special = frozenset(tokenizer.all_special_ids)
    masking = Masking(0.15, 1.5, tokenizer.mask_token_id, model.config.vocab_size, special)

    def run() -> float:
        settings = PretrainingSettings(
            steps=steps, length=LENGTH, batch_size=BATCH, learn_rate=1e-4, evaluate_every=10**6
        )
        with tempfile.TemporaryDirectory() as fresh:
            trainer = OwnTrainer(
                MaskedLoss(model),
                BlockReader(streams, LENGTH, *ends, seed=0),
                masking,
                RunFolder(Path(fresh), {}),
                settings,
                torch.device("cpu"),
            )
            seconds = trainer.train()[0].seconds
        return steps * BATCH * (LENGTH - 2) / seconds

    return run


def main(
    texts: Annotated[list[Path], typer.Argument(help="Text, a paragraph a line.")],
    layers: int = 4,
    width: int = 256,
    steps: Annotated[int, typer.Option(help="Steps in a round.")] = 8,
    rounds: int = 5,
) -> None:
    logging.set_verbosity_error()
    lines = list(islice(lines_of(texts), BATCH * steps))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shape: dict[str, Any] = {"layers": layers, "width": width, "heads": width // 64}
        make_encoder(lines_of(texts), folder / "start", **shape)
        tokenizer = AutoTokenizer.from_pretrained(folder / "start")
        models = [load_masked_model(folder / "start", dropout=0.0) for _ in range(2)]
        their_round = theirs(models[0], tokenizer, lines, folder / "theirs")
        our_round = ours(models[1], tokenizer, texts, folder, steps)
        their_round(), our_round()
        pairs = [(their_round(), our_round()) for _ in range(rounds)]
    print(f"threads: {torch.get_num_threads()}; {layers} layers of {width}; {rounds} rounds")
    print(f"transformers.Trainer  {median(a for a, _ in pairs):8,.0f} tokens/s")
    print(f"pretrain-encoder      {median(b for _, b in pairs):8,.0f} tokens/s")
    print(f"ratio                 {median(b / a for a, b in pairs):8.2f}")


if __name__ == "__main__":
    typer.run(main)
