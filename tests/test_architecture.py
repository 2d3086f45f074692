"""The rules of docs/architecture.md: who may import whom, and how large things may grow."""

from __future__ import annotations

import ast
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "spacy_bioner"
MODULES = sorted(PACKAGE.rglob("*.py"))
OWN = sorted(
    path for part in (PACKAGE, ROOT / "tests", ROOT / "benchmarks") for path in part.rglob("*.py")
)

# Rooms that each room may import, beside itself and `errors`. None: all.
MAY_IMPORT: dict[str, set[str] | None] = {
    "__init__": set(),
    "__main__": {"cli"},
    "cli": None,
    "errors": set(),
    "tags": set(),
    "crf": set(),
    "architectures": set(),
    "directories": set(),
    "lexicon": set(),
    "text_runs": set(),
    "rawtext": set(),
    "networks": set(),
    "models": {"crf", "lexicon", "networks", "tags"},
    "pipeline": {"architectures", "models", "tags", "text_runs"},
    "training": {"architectures", "lexicon"},
    "corpora": {"text_runs"},
    "encoders": {"architectures", "directories", "lexicon", "networks", "rawtext"},
    "vectors": {"directories", "lexicon", "rawtext"},
    "evaluation": {"tags", "corpora"},
    "optimization": {"models", "networks", "evaluation"},
    "experiments": {"evaluation", "corpora", "encoders"},
}
# Libraries that a room does without.
MAY_NOT_NEED = {
    "errors": {"spacy", "thinc", "torch", "numpy"},
    "architectures": {"spacy", "thinc", "torch"},
    "tags": {"spacy", "thinc", "torch"},
    "lexicon": {"spacy", "thinc", "torch"},
    "text_runs": {"spacy", "thinc", "torch", "numpy"},
    "rawtext": {"spacy", "thinc", "torch", "numpy"},
    "crf": {"spacy", "thinc", "spacy_transformers", "transformers"},
    "corpora": {"thinc", "torch", "spacy_transformers", "transformers"},
    "encoders": {"spacy", "thinc", "spacy_transformers"},
    "networks": {"spacy", "thinc", "spacy_transformers"},
}
LONGEST_FILE = {"spacy_bioner/pipeline/bert_crf_ner.py": 400}
LONGEST_FUNCTION = 40


def room_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports_of(path: Path) -> Iterator[str]:
    """Dotted names of all modules that a file imports, within functions too."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: imports are absolute"
            assert node.module is not None
            yield node.module
            if node.module == "spacy_bioner":
                yield from (f"spacy_bioner.{alias.name}" for alias in node.names)


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_module_imports_only_rooms_that_it_may(path: Path) -> None:
    room = room_of(path)
    allowed = MAY_IMPORT[room]
    if allowed is None:
        return
    parts = (name.split(".") for name in imports_of(path))
    rooms = {part[1] for part in parts if part[0] == "spacy_bioner" and len(part) > 1}
    assert rooms <= allowed | {room, "errors"}


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_module_needs_no_library_that_its_room_does_without(path: Path) -> None:
    libraries = {name.split(".")[0] for name in imports_of(path)}
    assert not libraries & MAY_NOT_NEED.get(room_of(path), set())


def test_every_room_has_a_rule() -> None:
    assert {room_of(path) for path in MODULES} <= set(MAY_IMPORT)


def test_package_itself_imports_nothing() -> None:
    assert list(imports_of(PACKAGE / "__init__.py")) == []


def test_package_imports_no_library_that_it_does_not_declare() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    optional = project["optional-dependencies"]
    wanted = [*project["dependencies"], *optional["ray"], *optional["onnx"]]
    declared = {name.split(">")[0].replace("-", "_") for name in wanted}
    declared |= {"torchcrf", "transformers", "spacy_bioner"}  # pytorch-crf; by spacy-transformers
    declared |= {"gensim"}  # of the extra vectors, asked for where it is missing
    found = {name.split(".")[0] for path in MODULES for name in imports_of(path)}
    assert found - set(sys.stdlib_module_names) <= declared


def test_no_module_is_named_for_nothing() -> None:
    names = {path.stem for path in OWN}
    assert not names & {"utils", "util", "helpers", "misc", "common"}


@pytest.mark.parametrize("path", OWN, ids=name_of)
def test_file_is_short(path: Path) -> None:
    limit = LONGEST_FILE.get(path.relative_to(ROOT).as_posix(), 300)
    assert len(path.read_text(encoding="utf-8").splitlines()) <= limit


@pytest.mark.parametrize("path", OWN, ids=name_of)
def test_functions_are_short(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    functions = (n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef))
    long = {
        f"{path.name}:{node.lineno} {node.name}": lines
        for node in functions
        if (lines := (node.end_lineno or node.lineno) - node.lineno + 1) > LONGEST_FUNCTION
    }
    assert not long
