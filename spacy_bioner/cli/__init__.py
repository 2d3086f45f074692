"""`spacy bioner ...` and `python -m spacy_bioner ...`: thin commands over functions."""

from collections.abc import Callable

import typer
from spacy.cli._util import app as spacy_app

from spacy_bioner.cli.confidences import calibrate_command, select_command
from spacy_bioner.cli.corpora import (
    check_command,
    convert_command,
    formats_command,
    split_command,
    stats_command,
)
from spacy_bioner.cli.encoders import make_encoder_command, pretrain_encoder_command
from spacy_bioner.cli.ensembles import ensemble_command
from spacy_bioner.cli.errors import one_line_errors
from spacy_bioner.cli.experiments import app as experiments
from spacy_bioner.cli.optimization import optimize_command
from spacy_bioner.cli.pseudo_labels import pseudo_label_command
from spacy_bioner.cli.reports import compare_command, report_command
from spacy_bioner.cli.vectors import make_vectors_command

HELP = """Biomedical named entity recognition: corpora, encoders and reports around `spacy train`.

A typical way through: `check` and `stats` to look at a corpus, `convert` to bring it
into spaCy's format, `make-vectors` or `pretrain-encoder` to learn from raw text,
then `spacy train` with a config from configs/, `report` and `compare` to see what the
model does and where it fails, and `spacy package`. `experiment` trains whole grids.
`calibrate` makes a model's confidences match its precision, `select` says what to annotate next,
`pseudo-label` turns what a model is sure of in raw text into more to train on.
"""

COMMANDS: dict[str, Callable[..., None]] = {
    "convert": convert_command,
    "split": split_command,
    "check": check_command,
    "stats": stats_command,
    "formats": formats_command,
    "make-encoder": make_encoder_command,
    "make-vectors": make_vectors_command,
    "ensemble": ensemble_command,
    "calibrate": calibrate_command,
    "select": select_command,
    "pseudo-label": pseudo_label_command,
    "optimize": optimize_command,
    "report": report_command,
    "compare": compare_command,
}

app = typer.Typer(name="bioner", help=HELP, no_args_is_help=True, rich_markup_mode=None)
for name, command in COMMANDS.items():
    app.command(name)(one_line_errors(command))
app.add_typer(experiments, name="experiment")
# Its options are parsed by the room itself, which also runs where typer is not installed.
app.command(
    "pretrain-encoder",
    add_help_option=False,
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
)(pretrain_encoder_command)
spacy_app.add_typer(app, name="bioner", help="Biomedical NER: corpora, encoders, reports.")
