"""`spacy bioner ...` and `python -m spacy_bioner ...`: thin commands over functions."""

import functools
import sys
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Any

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
    inputs: list[Path] = typer.Argument(..., help="Corpus files, read one after the other."),
    out: Path = typer.Argument(
        ..., help="The .spacy file to write, or with --split the directory for several."
    ),
    format: str = typer.Option("auto", help="Format of the inputs, or auto to detect it."),
    lang: str = typer.Option("zh", help="Language whose tokenizer is used; zh is by character."),
    tokens: Tokens = typer.Option(
        Tokens.tokenizer, help="tokenizer: by --lang; corpus: keep the tokens of the corpus."
    ),
    split: str | None = typer.Option(
        None, help="Parts and their shares, such as train=0.9,dev=0.1."
    ),
    seed: int = typer.Option(0, help="Seed of the split."),
    strict: bool = typer.Option(False, help="Refuse slips in the tags instead of repairing them."),
    report: Path | None = typer.Option(None, help="Write the whole report to this file."),
    force: bool = typer.Option(False, help="Overwrite the output."),
) -> None:
    """Bring an annotated corpus into spaCy's format, and say what was repaired or lost.

    Nothing is written unless all inputs are read; existing files are kept without
    --force. Mentions that do not fall on token boundaries are listed, and their
    tokens left unannotated.

    Example: spacy bioner convert truth_FT.txt truth_SM.txt corpus --split train=0.9,dev=0.1
    """
    from spacy_bioner.corpora.convert import convert

    found = convert(
        inputs,
        out,
        format=format,
        nlp=_blank_pipeline(lang),
        split=_parse_split(split) if split else None,
        seed=seed,
        strict=strict,
        force=force,
        tokens=tokens.value,
        progress=sys.stderr.isatty(),
        report_path=report,
    )
    typer.echo(found.render())


@app.command("stats")
@_one_line_errors
def stats_command(
    inputs: list[Path] = typer.Argument(..., help="Corpus files, each with tables of its own."),
    format: str = typer.Option("auto", help="Format of the inputs, or auto to detect it."),
    strict: bool = typer.Option(False, help="Refuse slips in the tags instead of repairing them."),
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
    inputs: list[Path] = typer.Argument(..., help="Corpora whose texts give the vocabulary."),
    out: Path = typer.Argument(..., help="The directory to write."),
    architecture: Architecture = typer.Option(Architecture.bert, help="Form of the encoder."),
    layers: int = typer.Option(4, help="Layers; for bart half encoder, half decoder."),
    width: int = typer.Option(256, help="Width of the hidden states."),
    heads: int = typer.Option(4, help="Attention heads; they divide the width."),
    feed_forward: int | None = typer.Option(None, help="Inner width; 4 x width by default."),
    max_length: int = typer.Option(512, help="Longest input in wordpieces."),
    vocab_size: int = typer.Option(8000, help="Characters and wordpieces at most."),
    dropout: float = typer.Option(0.1, help="Of hidden states and attention."),
    format: str = typer.Option("auto", help="Format of the inputs, or auto to detect it."),
    seed: int = typer.Option(0, help="Seed of the random weights."),
    force: bool = typer.Option(False, help="Overwrite the directory."),
) -> None:
    """Make a transformer with random weights, as a local Hugging Face directory.

    For training where no model hub is in reach: name the directory in a config as
    [paths] encoder. It has not been pretrained.

    Example: spacy bioner make-encoder corpus/train.json encoder/mini --layers 2
    """
    from spacy_bioner.corpora.readers import read_corpus
    from spacy_bioner.encoders.make_encoder import make_encoder

    made = make_encoder(
        (document.text for path in inputs for document in read_corpus(path, format)),
        out,
        architecture=architecture.value,
        layers=layers,
        width=width,
        heads=heads,
        feed_forward=feed_forward,
        max_length=max_length,
        vocab_size=vocab_size,
        dropout=dropout,
        seed=seed,
        force=force,
        sources=[path.name for path in inputs],
    )
    typer.echo(
        f"{made.path}: {made.architecture} with {made.parameters:,} random weights and "
        f"{made.vocab_size:,} tokens from {made.texts:,} texts"
    )
    if made.characters_left_out:
        typer.echo(f"{made.characters_left_out} rare characters are [UNK]: raise --vocab-size")
