"""`spacy bioner ...` and `python -m spacy_bioner ...`: thin commands over functions."""

import functools
import sys
from collections.abc import Callable, Iterator
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import spacy
import typer
from spacy.cli._util import app as spacy_app
from spacy.language import Language

from spacy_bioner.errors import BionerError, ConfigError

HELP = """Biomedical named entity recognition: corpora and encoders for `spacy train`.

A typical way through: `stats` to look at a corpus, `convert` to bring it into spaCy's
format, `make-encoder` for a transformer where no model hub is in reach, then
`spacy train`, `spacy evaluate` and `spacy package` with a config from configs/.
"""

app = typer.Typer(name="bioner", help=HELP, no_args_is_help=True, rich_markup_mode=None)
spacy_app.add_typer(app, name="bioner", help="Biomedical NER: corpora and encoders.")


class Tokens(StrEnum):
    tokenizer = "tokenizer"
    corpus = "corpus"


class Architecture(StrEnum):
    bert = "bert"
    roberta = "roberta"
    bart = "bart"


# The options that commands share.
Format = Annotated[str, typer.Option(help="Format of the inputs, or auto to detect it.")]
Strict = Annotated[bool, typer.Option(help="Refuse slips in the tags instead of mending them.")]
Force = Annotated[bool, typer.Option(help="Overwrite the output.")]


def _one_line_errors(command: Callable[..., None]) -> Callable[..., None]:
    """Users see one line for what they can mend, and exit code 1."""

    @functools.wraps(command)
    def run(*args: Any, **kwargs: Any) -> None:
        try:
            command(*args, **kwargs)
        except (BionerError, OSError) as error:
            typer.secho(f"error: {error}", fg=typer.colors.RED, err=True)
            raise typer.Exit(1) from None

    return run


def _parse_split(text: str) -> dict[str, float]:
    """'train=0.9,dev=0.1' -> {'train': 0.9, 'dev': 0.1}"""
    try:
        pairs = [part.split("=") for part in text.split(",")]
        return {name.strip(): float(share) for name, share in pairs}
    except ValueError:
        raise typer.BadParameter(f"{text!r}: write it as train=0.9,dev=0.1") from None


def _blank_pipeline(lang: str) -> Language:
    try:
        return spacy.blank(lang)
    except ImportError:
        raise ConfigError(f"--lang {lang}: spaCy knows no such language; try zh or en") from None


@app.command("convert")
@_one_line_errors
def convert_command(
    inputs: Annotated[list[Path], typer.Argument(help="Corpus files, read one after another.")],
    out: Annotated[Path, typer.Argument(help="A .spacy file, or with --split a directory.")],
    format: Format = "auto",
    lang: Annotated[str, typer.Option(help="Whose tokenizer to use; zh is by character.")] = "zh",
    tokens: Annotated[
        Tokens, typer.Option(help="tokenizer: that of --lang; corpus: those of the corpus.")
    ] = Tokens.tokenizer,
    split: Annotated[
        str | None, typer.Option(help="Parts and their shares, such as train=0.9,dev=0.1.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of the split.")] = 0,
    strict: Strict = False,
    report: Annotated[Path | None, typer.Option(help="A file for the whole report.")] = None,
    force: Force = False,
) -> None:
    """Bring an annotated corpus into spaCy's format, and say what was repaired or lost.

    Nothing is written unless all inputs are read; existing files are kept without
    --force. Mentions that do not fall on token boundaries are listed, and their
    tokens left unannotated.

    Example: spacy bioner convert truth_FT.txt truth_SM.txt corpus --split train=0.9,dev=0.1
    """
    from spacy_bioner.corpora.convert import convert

    settings: dict[str, Any] = {"format": format, "seed": seed, "strict": strict, "force": force}
    settings |= {"split": _parse_split(split) if split else None, "tokens": tokens.value}
    settings |= {"progress": sys.stderr.isatty(), "report_path": report}
    typer.echo(convert(inputs, out, nlp=_blank_pipeline(lang), **settings).render())


@app.command("stats")
@_one_line_errors
def stats_command(
    inputs: Annotated[list[Path], typer.Argument(help="Corpus files, told apart in the tables.")],
    format: Format = "auto",
    strict: Strict = False,
) -> None:
    """Sentences, lengths and entities, and B and I counts of each type.

    Example: spacy bioner stats train.json dev.json
    """
    from spacy_bioner.corpora.readers import read_corpus
    from spacy_bioner.corpora.stats import corpus_statistics, render_statistics

    corpora = {
        str(path): corpus_statistics(read_corpus(path, format, strict=strict)) for path in inputs
    }
    typer.echo(render_statistics(corpora))


@app.command("make-encoder")
@_one_line_errors
def make_encoder_command(
    inputs: Annotated[list[Path], typer.Argument(help="Corpora that give the vocabulary.")],
    out: Annotated[Path, typer.Argument(help="The directory to write.")],
    architecture: Annotated[
        Architecture, typer.Option(help="Form of the encoder.")
    ] = Architecture.bert,
    layers: Annotated[int, typer.Option(help="For bart half encoder, half decoder.")] = 4,
    width: Annotated[int, typer.Option(help="Width of the hidden states.")] = 256,
    heads: Annotated[int, typer.Option(help="Attention heads; they divide the width.")] = 4,
    feed_forward: Annotated[int | None, typer.Option(help="Inner width; else 4 x width.")] = None,
    max_length: Annotated[int, typer.Option(help="Longest input in wordpieces.")] = 512,
    vocab_size: Annotated[int, typer.Option(help="Characters and wordpieces at most.")] = 8000,
    dropout: Annotated[float, typer.Option(help="Of hidden states and attention.")] = 0.1,
    format: Format = "auto",
    seed: Annotated[int, typer.Option(help="Seed of the random weights.")] = 0,
    force: Force = False,
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


def _texts(inputs: list[Path], format: str) -> Iterator[str]:
    from spacy_bioner.corpora.readers import read_corpus

    return (document.text for path in inputs for document in read_corpus(path, format))
