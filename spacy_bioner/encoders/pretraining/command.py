"""The command that pretrains an encoder."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from spacy_bioner.encoders.pretraining.pretrain import pretrain_encoder
from spacy_bioner.encoders.pretraining.settings import PretrainingSettings
from spacy_bioner.errors import BionerError
from spacy_bioner.rawtext.shards import read_weights

_DESCRIPTION = """\
Pretrain a transformer on raw text by masked-language training, from random weights or from
an encoder that is there (domain adaptation).

TEXT are files or folders of UTF-8 text, a paragraph a line, as .txt, .xz, .gz or .bz2. A run
that was killed goes on where it was saved, when the same command is given again.
"""
_EXAMPLES = """\
examples:
  spacy bioner pretrain-encoder notes/ encoder/own --minutes 120 --max-length 128
  spacy bioner pretrain-encoder notes.txt encoder/adapted --init encoder/own --steps 2000
  spacy bioner pretrain-encoder notes/ encoder/deeper --init encoder/own --layers 6 --minutes 60
  spacy bioner pretrain-encoder texts/ encoder/large --layers 8 --width 512 --heads 8 \\
      --max-length 128 --minutes 25 --batch-size 512 --device cuda
"""
_ARCHITECTURES = ("modernbert", "bert", "roberta")
_SHAPE = {
    "architecture": (str, "modernbert", "kind of transformer"),
    "layers": (int, 4, "layers"),
    "width": (int, 256, "width of the hidden states"),
    "heads": (int, 4, "attention heads; they divide the width"),
    "max_length": (int, 512, "longest input in wordpieces; give what --length has"),
    "vocab_size": (int, 8000, "characters and wordpieces at most"),
}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="spacy bioner pretrain-encoder",
        description=_DESCRIPTION,
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("text", nargs="+", type=Path, metavar="TEXT", help="files or folders of text")
    add("out", type=Path, metavar="OUT", help="the directory to write")
    add("--init", type=Path, metavar="DIR", help="go on from this encoder")
    add(
        "--weights",
        type=Path,
        metavar="TSV",
        help="lines of `NAME TAB weight`; else 1",
    )
    add("--lexicon", type=Path, metavar="FILE", help="terms, one a line, that are masked whole")
    add("--device", default="cpu", help="cpu, or cuda (default: %(default)s)")
    add("--fresh", action="store_true", help="begin anew, not where a run was saved")
    add("--force", action="store_true", help="overwrite the output")
    add("--half", action="store_true", help="write the weights in float16, in half the room")
    _add_shape(parser)
    _add_training(parser)
    return parser


def _add_shape(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group(
        "form of the encoder; with --init only --layers, to make it deeper"
    )
    for name, (kind, default, text) in _SHAPE.items():
        option = "--" + name.replace("_", "-")
        choices = _ARCHITECTURES if name == "architecture" else None
        shown = f"{text} (default: {default})"
        group.add_argument(option, type=kind, choices=choices, help=shown)


def _add_training(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("training; give --steps or --minutes")
    options = {
        "steps": (int, "updates to make; equal seeds then give equal weights, on as many threads"),
        "minutes": (float, "time to train; the schedule fits itself to it"),
        "length": (int, "tokens in a block of text"),
        "batch_size": (int, "blocks in a step"),
        "accumulate": (int, "parts that a step is computed in, to save memory"),
        "learn_rate": (float, "the highest learning rate"),
        "warmup": (float, "share of the run in which the rate rises"),
        "weight_decay": (float, "weight decay of matrices"),
        "mask_rate": (float, "share of the tokens that are hidden"),
        "span": (float, "mean number of words hidden together"),
        "dropout": (float, "dropout while pretraining"),
        "seed": (int, "of weights, order and masks"),
        "checkpoint_minutes": (float, "minutes between checkpoints"),
        "evaluate_every": (int, "steps between evaluations on held-out text"),
    }
    defaults = PretrainingSettings(steps=1)
    for name, (kind, text) in options.items():
        default = None if name == "steps" else getattr(defaults, name)
        shown = text if default is None else f"{text} (default: {default})"
        option = "--" + name.replace("_", "-")
        group.add_argument(option, type=kind, default=default, help=shown)
    group.add_argument(
        "--precision", choices=["auto", "float32", "bfloat16"], default="auto",
        help="of matrix products; auto: bfloat16 where the processor has it (default: auto)",
    )  # fmt: skip
    group.add_argument(
        "--optimizer", choices=["adamw", "muon"], default="adamw",
        help="of the weights; muon: the matrices inside by Muon, of torch 2.9 or later "
        "(default: adamw)",
    )  # fmt: skip
    group.add_argument("--compile", action="store_true", help="use torch.compile")


def _take_shape(parser: argparse.ArgumentParser, given: dict[str, Any]) -> dict[str, Any]:
    """Take the settings of the form out of `given`; with --init only those that are asked for."""
    asked = {name: value for name in _SHAPE if (value := given.pop(name)) is not None}
    if not given["init"]:
        return {name: default for name, (_, default, _) in _SHAPE.items()} | asked
    if fixed := [name for name in asked if name != "layers"]:
        option = "--" + fixed[0].replace("_", "-")
        parser.error(f"{option}: an encoder given by --init keeps its form, but for --layers")
    return asked


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its exit status: 0, or 1 after a message on stderr."""
    parser = _parser()
    given = vars(parser.parse_args(arguments))
    shape = _take_shape(parser, given)
    text, out = given.pop("text"), given.pop("out")
    named = ("init", "lexicon", "device", "fresh", "force", "half")
    options = {name: given.pop(name) for name in named}
    weights = given.pop("weights")
    try:
        made = pretrain_encoder(
            text,
            out,
            PretrainingSettings(**given),
            shape=shape,
            weights=read_weights(weights) if weights else None,
            **options,
        )
    except (BionerError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(
        f"{made.path}: {made.steps:,} steps in {made.seconds / 60:.1f} minutes; of hidden "
        f"tokens in held-out text {made.held_out_accuracy:.1%} guessed right, "
        f"loss {made.held_out_loss:.3f}"
    )
    return 0
