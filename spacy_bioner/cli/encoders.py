"""Commands that make encoders."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from spacy_bioner.cli.options import Architecture, ForceOption, FormatOption


def make_encoder_command(
    inputs: Annotated[list[Path], typer.Argument(help="Corpora that give the vocabulary.")],
    out: Annotated[Path, typer.Argument(help="The directory to write.")],
    architecture: Annotated[
        Architecture, typer.Option(help="Form of the encoder.")
    ] = Architecture.bert,
    layers: Annotated[int, typer.Option(help="For bart half encoder, half decoder.")] = 4,
    width: Annotated[int, typer.Option(help="Width of the hidden states.")] = 256,
    heads: Annotated[int, typer.Option(help="Attention heads; they divide the width.")] = 4,
    feed_forward: Annotated[
        int | None, typer.Option(help="Inner width; else 4 x width, for modernbert 2 x.")
    ] = None,
    max_length: Annotated[int, typer.Option(help="Longest input in wordpieces.")] = 512,
    vocab_size: Annotated[int, typer.Option(help="Characters and wordpieces at most.")] = 8000,
    dropout: Annotated[float, typer.Option(help="Of hidden states and attention.")] = 0.1,
    format: FormatOption = "auto",
    seed: Annotated[int, typer.Option(help="Seed of the random weights.")] = 0,
    force: ForceOption = False,
) -> None:
    """Make a transformer with random weights, as a local Hugging Face directory.

    For training where no model hub is in reach: name the directory in a config as
    [paths] encoder. It has not been pretrained.

    Example: spacy bioner make-encoder corpus/train.json encoder/mini --layers 2
    """
    from spacy_bioner.encoders.make_encoder import make_encoder

    sizes = {"layers": layers, "width": width, "heads": heads, "feed_forward": feed_forward}
    sizes |= {"max_length": max_length, "vocab_size": vocab_size}
    settings: dict[str, Any] = {"dropout": dropout, "seed": seed, "force": force, **sizes}
    settings |= {"architecture": architecture.value, "sources": [path.name for path in inputs]}
    made = make_encoder(_texts(inputs, format), out, **settings)
    typer.echo(
        f"{made.path}: {made.architecture} with {made.parameters:,} random weights and "
        f"{made.vocab_size:,} tokens from {made.texts:,} texts"
    )
    if made.characters_left_out:
        typer.echo(f"{made.characters_left_out} rare characters are [UNK]: raise --vocab-size")


def pretrain_encoder_command(context: typer.Context) -> None:
    """Pretrain a transformer on raw text, from random weights or from an encoder that is there.

    Its options are those of `python -m spacy_bioner.encoders.pretraining`, which runs
    without spaCy too.
    """
    from spacy_bioner.encoders.pretraining.command import main

    if status := main(context.args):
        raise typer.Exit(status)


def _texts(inputs: list[Path], format: str) -> Iterator[str]:
    from spacy_bioner.corpora.reading import expand_inputs, read_corpus

    paths = expand_inputs(inputs, format)
    return (document.text for path in paths for document in read_corpus(path, format))
