"""The command that annotates raw text with what a model is sure of."""

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from spacy_bioner.cli.options import (
    ComponentOption,
    ForceOption,
    GpuOption,
    ModelArgument,
    Texts,
    WeightsOption,
)
from spacy_bioner.cli.pipelines import load_pipeline

if TYPE_CHECKING:
    from spacy.language import Language

    from spacy_bioner.pipeline.pseudo_labels import Account, Floors
    from spacy_bioner.rawtext.sampling import Reservoir
    from spacy_bioner.rawtext.shards import Shard

Item = TypeVar("Item")
Out = Annotated[Path, typer.Argument(help="The .spacy file to write.")]
Count = Annotated[int, typer.Option(min=1, help="Sentences to draw from the texts.")]
Sure = Annotated[float, typer.Option(help="Keep entities of at least this probability.")]
Possible = Annotated[
    float, typer.Option(help="Leave open tokens of other spans of at least this probability.")
]
Empty = Annotated[float, typer.Option(help="Share kept of sentences without a sure entity.")]
Shortest = Annotated[int, typer.Option(help="Characters of a sentence at least.")]
Longest = Annotated[int, typer.Option(help="Characters of a sentence at most.")]
Seed = Annotated[int, typer.Option(help="Of the draws.")]


def pseudo_label_command(
    model: ModelArgument,
    texts: Texts,
    out: Out,
    count: Count = 50_000,
    sure: Sure = 0.6,
    possible: Possible = 0.2,
    empty: Empty = 0.2,
    weights: WeightsOption = None,
    shortest: Shortest = 10,
    longest: Longest = 120,
    component: ComponentOption = "bert_crf_ner",
    seed: Seed = 0,
    gpu_id: GpuOption = -1,
    force: ForceOption = False,
) -> None:
    """Annotate raw text with what a model is sure of, to train the next model on.

    Entities that the model is sure of become annotation; tokens that may belong to others
    have none, which leaves the next model free to decide. It can pay where the model is better
    than the one to be trained, as an ensemble is: compare. Put the output into a folder with
    your own corpus, and give that folder to `spacy train`.

    \b
    Example: spacy bioner pseudo-label joined texts/ corpus/both/sure.spacy --count 50000
    """
    from spacy_bioner.pipeline.calibration import crf_component
    from spacy_bioner.pipeline.pseudo_labels import Floors
    from spacy_bioner.rawtext.shards import find_shards, read_weights

    floors = Floors(sure, possible, empty)
    floors.check()
    _check_output(out, force)
    shards = find_shards(texts, read_weights(weights) if weights else {})
    nlp = load_pipeline(model, gpu_id)
    crf_component(nlp, component)
    drawn = draw_sentences(shards, shortest, longest, count, seed)
    account = _annotate(nlp, component, drawn.texts(), floors, out, seed)
    typer.echo(_describe(drawn, account, out))


def _check_output(out: Path, force: bool) -> None:
    from spacy_bioner.corpora.outputs import check_outputs
    from spacy_bioner.errors import ConfigError

    if out.suffix != ".spacy":
        raise ConfigError(f"{out}: must end in .spacy, or `spacy train` will not find it")
    check_outputs([out], force)


def draw_sentences(
    shards: "Sequence[Shard]", shortest: int, longest: int, count: int, seed: int
) -> "Reservoir":
    """A sample of the sentences of raw text that have so many characters.

    Raises ConfigError where there are none, or could be none.
    """
    from spacy_bioner.corpora.sentences import find_sentences
    from spacy_bioner.errors import ConfigError
    from spacy_bioner.rawtext.sampling import Reservoir
    from spacy_bioner.rawtext.shards import read_lines

    if not 0 < shortest <= longest:
        raise ConfigError(f"--shortest {shortest} must be above 0 and at most --longest {longest}")
    drawn = Reservoir(count, seed)
    for shard in shards:
        for line in _progress(read_lines(shard.path), shard.name, " lines"):
            for start, end in find_sentences(line):
                if shortest <= end - start <= longest:
                    drawn.offer(line[start:end], shard.weight)
    if not drawn.offered:
        raise ConfigError(
            f"no sentence has {shortest} to {longest} characters: give other "
            "limits with --shortest and --longest"
        )
    return drawn


def _annotate(
    nlp: "Language", component: str, texts: list[str], floors: "Floors", out: Path, seed: int
) -> "Account":
    from spacy_bioner.corpora.docbin import empty_docbin
    from spacy_bioner.corpora.outputs import new_outputs
    from spacy_bioner.errors import ConfigError
    from spacy_bioner.pipeline.pseudo_labels import Account, pseudo_label

    account, docbin = Account(), empty_docbin()
    read = _progress(texts, "annotating", " sentences")
    for doc in pseudo_label(nlp, component, read, floors, account, seed=seed):
        docbin.add(doc)
    if not account.texts:
        raise ConfigError("no sentence is left to write: lower --sure, or raise --empty")
    with new_outputs([out]) as (path,):
        docbin.to_disk(path)
    return account


def _describe(drawn: "Reservoir", account: "Account", out: Path) -> str:
    by_label = ", ".join(f"{label} {n:,}" for label, n in account.entities.most_common())
    n_entities = account.entities.total()
    return "\n".join(
        [
            f"drawn: {len(drawn.texts()):,} of {drawn.offered:,} sentences",
            f"left out: {account.left_out:,} without a sure entity",
            f"left open: {account.open_tokens:,} of {account.tokens:,} tokens",
            f"entities: {n_entities:,} ({by_label or 'none'})",
            f"{out}: {account.texts:,} sentences",
        ]
    )


def _progress(items: Iterable[Item], what: str, unit: str) -> Iterable[Item]:
    from tqdm import tqdm

    bar: Iterable[Item] = tqdm(items, what, unit=unit, disable=not sys.stderr.isatty())
    return bar
