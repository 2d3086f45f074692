"""Every string that the package registers can be looked up where spaCy looks."""

from __future__ import annotations

import re
import tomllib
from importlib.metadata import entry_points
from pathlib import Path

import pytest
import spacy
from spacy.cli._util import app as spacy_app

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
ENTRY_POINTS = [
    (group, name, target)
    for group, entries in PROJECT["entry-points"].items()
    for name, target in entries.items()
]
# The groups that a registry reads; spacy_factories and spacy_cli are read elsewhere.
REGISTERED = [
    (group.split("_", 1)[1], name, target)
    for group, name, target in ENTRY_POINTS
    if group not in ("spacy_factories", "spacy_cli")
]
VERSIONED = re.compile(r"spacy_bioner\.\w+\.v\d+")


@pytest.mark.parametrize(("group", "name", "target"), ENTRY_POINTS)
def test_entry_point_is_installed_and_loads(group: str, name: str, target: str) -> None:
    (found,) = [e for e in entry_points(group=group) if e.name == name]
    assert found.value == target
    assert callable(found.load())


@pytest.mark.parametrize(("registry", "name", "target"), REGISTERED)
def test_registered_name_is_found(registry: str, name: str, target: str) -> None:
    function = spacy.registry.get(registry, name)
    assert f"{function.__module__}:{function.__name__}" == target


@pytest.mark.parametrize(("registry", "name", "target"), REGISTERED)
def test_registered_name_is_versioned_and_documented(registry: str, name: str, target: str) -> None:
    assert VERSIONED.fullmatch(name)
    assert f"`{name}`" in (spacy.registry.get(registry, name).__doc__ or "") or name.endswith(
        "LinearChainCrf.v1"  # a part of CrfTagger
    )


def test_factory_is_found_by_every_language() -> None:
    (name,) = PROJECT["entry-points"]["spacy_factories"]
    for language in ("zh", "en"):
        assert spacy.blank(language).has_factory(name)


def test_commands_are_found_under_spacy() -> None:
    assert "bioner" in {group.name for group in spacy_app.registered_groups}


def test_names_in_configs_and_code_are_registered() -> None:
    files = [*(ROOT / "configs").glob("*.cfg"), *(ROOT / "spacy_bioner").rglob("*.py")]
    used = {name for path in files for name in VERSIONED.findall(path.read_text(encoding="utf-8"))}
    assert used <= {name for _, name, _ in REGISTERED}
