"""The command that makes vectors."""

from pathlib import Path
from typing import Annotated, Any

import typer

from spacy_bioner.cli.options import ForceOption, Texts, WeightsOption

Out = Annotated[Path, typer.Argument(help="The folder to write: a blank pipeline.")]
Terms = Annotated[
    Path | None, typer.Option(help="Terms, one a line; those that occur get vectors.")
]
Characters = Annotated[int, typer.Option(help="Most rows for characters; 0: none.")]
Bigrams = Annotated[int, typer.Option(help="Most rows for pairs of characters.")]
Trigrams = Annotated[int, typer.Option(help="Most rows for three characters.")]
Words = Annotated[int, typer.Option(help="Most rows for the lexicon's words.")]
TokenRows = Annotated[
    int,
    typer.Option(help="Most rows for tokens in lower case, for languages with words of letters."),
]
Width = Annotated[int, typer.Option(help="Numbers in a vector.")]
Window = Annotated[int, typer.Option(help="Units to each side that are guessed.")]
Epochs = Annotated[int, typer.Option(help="Passes over the text.")]
MinCount = Annotated[int, typer.Option(help="Rarer units get no vector.")]
Jobs = Annotated[int, typer.Option(help="Threads; only 1 gives equal vectors again.")]
Lang = Annotated[str, typer.Option(help="Language of the blank pipeline.")]
Seed = Annotated[int, typer.Option(help="Of vectors and of what weights leave out.")]


def make_vectors_command(
    texts: Texts,
    out: Out,
    weights: WeightsOption = None,
    lexicon: Terms = None,
    characters: Characters = 10_000,
    bigrams: Bigrams = 100_000,
    trigrams: Trigrams = 0,
    words: Words = 50_000,
    tokens: TokenRows = 0,
    width: Width = 64,
    window: Window = 5,
    epochs: Epochs = 2,
    min_count: MinCount = 5,
    jobs: Jobs = 1,
    lang: Lang = "zh",
    seed: Seed = 0,
    force: ForceOption = False,
) -> None:
    """Learn vectors of characters, n-grams, words or tokens from raw text (skip-gram).

    They are kept in spaCy's own table: name the folder in a config as [initialize] vectors,
    and `spacy_bioner.CharNgramEmbed.v1`, `spacy_bioner.LexiconFeatures.v1` and
    `spacy_bioner.WordVectors.v1` find them. A row takes 2 * width bytes on disk.

    \b
    Example: spacy bioner make-vectors notes/ vectors/own --lexicon terms.txt --bigrams 50000
    Example: spacy bioner make-vectors notes/ vectors/own --lang en --tokens 20000 \\
        --characters 0 --bigrams 0
    """
    from spacy_bioner.rawtext.shards import read_weights
    from spacy_bioner.vectors.make_vectors import VectorRows, make_vectors
    from spacy_bioner.vectors.skipgram import SkipGram

    rows = VectorRows(characters, bigrams, trigrams, words, tokens)
    settings = SkipGram(width, window, epochs, min_count, jobs, seed)
    shares = read_weights(weights) if weights else None
    options: dict[str, Any] = {"weights": shares, "lexicon": lexicon, "lang": lang, "force": force}
    made = make_vectors(texts, out, rows=rows, settings=settings, **options)
    _tell(out, made)


def _tell(out: Path, made: dict[str, int]) -> None:
    listed = ", ".join(f"{rows:,} {kind}" for kind, rows in made.items())
    size = sum(path.stat().st_size for path in out.rglob("*") if path.is_file())
    typer.echo(f"{out}: vectors of {listed}; {size / 1e6:.1f} MB")
    if not {"words", "tokens"} & set(made):
        typer.echo("No rows for words, so no words.tsv: configs that read one need another file.")
