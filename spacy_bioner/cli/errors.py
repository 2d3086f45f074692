"""How errors reach the user of a command."""

import functools
from collections.abc import Callable
from typing import Any

import typer

from spacy_bioner.errors import BionerError


def one_line_errors(command: Callable[..., None]) -> Callable[..., None]:
    """Users see one line for what they can mend, and exit code 1."""

    @functools.wraps(command)
    def run(*args: Any, **kwargs: Any) -> None:
        try:
            command(*args, **kwargs)
        except (BionerError, OSError) as error:
            typer.secho(f"error: {error}", fg=typer.colors.RED, err=True)
            raise typer.Exit(1) from None

    return run
