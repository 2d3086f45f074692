"""Arguments and options of the commands, with their help."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class Tokens(StrEnum):
    auto = "auto"
    tokenizer = "tokenizer"
    corpus = "corpus"
    alphanumeric = "alphanumeric"


class Align(StrEnum):
    strict = "strict"
    expand = "expand"
    contract = "contract"
    split_tokens = "split-tokens"


class Overlap(StrEnum):
    longest = "longest"
    first = "first"
    spans = "spans"


class Pieces(StrEnum):
    whole = "whole"
    cut = "cut"
    joined = "join"  # str has a method of the name


class Architecture(StrEnum):
    bert = "bert"
    roberta = "roberta"
    bart = "bart"
    modernbert = "modernbert"


Inputs = Annotated[list[Path], typer.Argument(help="Files, folders, or patterns in quotes.")]
Texts = Annotated[
    list[Path],
    typer.Argument(help="Text, a paragraph a line: .txt, .xz, .gz, .bz2, folders, patterns."),
]
WeightsOption = Annotated[
    Path | None,
    typer.Option(help="Lines of `NAME TAB weight` for files; else 1. 0: not read."),
]
Output = Annotated[Path, typer.Argument(help="A file; with --split, brat, or many: a folder.")]
PartsFolder = Annotated[Path, typer.Argument(help="A folder, which gets a file for each part.")]
FormatOption = Annotated[str, typer.Option(help="Format of the inputs; auto: detect it.")]
ToOption = Annotated[str, typer.Option(help="spacy, or another name that `formats` lists.")]
PartsToOption = Annotated[str, typer.Option(help="Format of the parts; auto: that of the inputs.")]
LangOption = Annotated[str, typer.Option(help="Whose tokenizer to use; zh is by character.")]
TokensOption = Annotated[
    Tokens,
    typer.Option(
        help="Of --lang, of the corpus, or runs of letters and digits and each sign by itself "
        "(alphanumeric, as words_crf has it); auto: corpus, save for spacy."
    ),
]
AlignOption = Annotated[
    Align,
    typer.Option(help="For mentions off token boundaries: drop, grow, shrink them, or split."),
]
OverlapOption = Annotated[
    Overlap, typer.Option(help="Which of overlapping mentions to keep; spans: all, in doc.spans.")
]
SplitOption = Annotated[
    str | None, typer.Option(help="Parts and their shares, such as train=0.9,dev=0.1.")
]
PartsOption = Annotated[str, typer.Option(help="Parts and their shares.")]
SeedOption = Annotated[int, typer.Option(help="The same seed gives the same parts.")]
PiecesOption = Annotated[Pieces, typer.Option(help="cut: into sentences; join: what was cut.")]
JobsOption = Annotated[int, typer.Option(help="Processes that tokenise.")]
StrictOption = Annotated[bool, typer.Option(help="Refuse slips instead of mending them.")]
ReportOption = Annotated[Path | None, typer.Option(help="A file for the whole report.")]
ForceOption = Annotated[bool, typer.Option(help="Replace OUT, if it is no folder of other files.")]
LimitOption = Annotated[int, typer.Option(help="Examples shown of each finding; 0: all.")]
ModelArgument = Annotated[Path, typer.Argument(help="A trained pipeline: folder or package.")]
NewModelArgument = Annotated[Path, typer.Argument(help="The folder of the new pipeline.")]
SpacyFileArgument = Annotated[Path, typer.Argument(help="A .spacy file, made by `convert`.")]
ComponentOption = Annotated[str, typer.Option(help="Name of the component in the pipeline.")]
GpuOption = Annotated[int, typer.Option(help="GPU to use, -1 for the CPU.")]
