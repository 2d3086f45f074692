"""What the documentation says holds: code blocks run, links lead somewhere, tables are right."""

from __future__ import annotations

import re
import subprocess
import tomllib
from pathlib import Path

import pytest

from spacy_bioner.training.blocks import Depth
from spacy_bioner.training.layerwise_adam import build_layerwise_adam

ROOT = Path(__file__).resolve().parents[1]
README = ROOT / "README.md"
PAGES = [README, ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
FENCED = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)#:]+)(?:#[^)]*)?\)")
ANCHOR = re.compile(r"\]\(([^)#:]*)#([^)]+)\)")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
RATE = re.compile(r"^\| ([^|]+?) \| (\d+) \| ([\d.e-]+) \|$", re.MULTILINE)


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def text_of(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def section(title: str) -> str:
    """README's text from one heading of the second level to the next."""
    _, _, rest = text_of(README).partition(f"\n## {title}\n")
    return re.split(r"^## ", rest, maxsplit=1, flags=re.MULTILINE)[0]


def blocks(text: str, language: str) -> list[str]:
    return [code for found, code in FENCED.findall(text) if found == language]


WITH_PYTHON = [path for path in PAGES if blocks(text_of(path), "python")]


@pytest.mark.parametrize("path", WITH_PYTHON, ids=name_of)
def test_python_blocks_run_in_order(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    names: dict[str, object] = {"__name__": "__main__"}
    for number, code in enumerate(blocks(text_of(path), "python"), 1):
        exec(compile(code, f"{path.name}, block {number}", "exec"), names)


def test_readme_example_is_run() -> None:
    assert README in WITH_PYTHON


@pytest.mark.parametrize("title", ["Run it", "Test it"])
def test_readme_section_has_one_block_of_shell(title: str) -> None:
    assert [language for language, _ in FENCED.findall(section(title))] == ["bash"]


@pytest.mark.parametrize("title", ["Run it", "Test it"])
def test_readme_block_is_valid_shell(title: str) -> None:
    (code,) = blocks(section(title), "bash")
    subprocess.run(["bash", "-n"], input=code, text=True, check=True)
    assert "pip install -c constraints.txt" in code


def test_ci_runs_the_block_of_the_readme() -> None:
    shown = subprocess.run(
        [ROOT / ".ci" / "run", "--print"], capture_output=True, text=True, check=True
    )
    (code,) = blocks(section("Test it"), "bash")
    assert shown.stdout == code
    assert code.splitlines()[-1].startswith("pytest")


@pytest.mark.parametrize("path", PAGES, ids=name_of)
def test_links_lead_to_files(path: Path) -> None:
    missing = [to for to in LINK.findall(text_of(path)) if not (path.parent / to).exists()]
    assert not missing


@pytest.mark.parametrize("path", PAGES, ids=name_of)
def test_links_within_pages_lead_to_headings(path: Path) -> None:
    for to, anchor in ANCHOR.findall(text_of(path)):
        page = path.parent / to if to else path
        assert anchor in {anchor_of(heading) for heading in HEADING.findall(text_of(page))}


def anchor_of(heading: str) -> str:
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def test_table_of_rates_is_what_the_optimizer_does() -> None:
    optimizer, depth = build_layerwise_adam(4e-5, layer_decay=1.2), Depth(12, 0)
    names = ["linear", *(f"encoder.layer.{n}.x" for n in range(11, -1, -1)), "embeddings.x"]
    expected = [f"{optimizer.settings(name, depth)[0] * 4e-5:.3g}" for name in names]
    rows = RATE.findall(text_of(ROOT / "docs" / "training.md"))
    assert [rate for _, _, rate in rows] == expected
    assert [int(distance) for _, distance, _ in rows] == list(range(14))


def test_constraints_pin_what_the_project_declares() -> None:
    project = tomllib.loads(text_of(ROOT / "pyproject.toml"))["project"]
    wanted = project["dependencies"] + project["optional-dependencies"]["test"]
    pinned = {line.split("==")[0].lower() for line in text_of(ROOT / "constraints.txt").split("\n")}
    assert {re.split("[>=]", name)[0].lower() for name in wanted} <= pinned
