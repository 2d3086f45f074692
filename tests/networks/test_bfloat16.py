from __future__ import annotations

from pathlib import Path

import pytest

from spacy_bioner.networks.bfloat16 import cpu_flags


@pytest.mark.parametrize("line", ["flags\t\t: fpu avx512_bf16", "Features\t: fp asimd bf16 sve"])
def test_flags_are_read_as_linux_lists_them(line: str, tmp_path: Path) -> None:
    path = tmp_path / "cpuinfo"
    path.write_text(f"processor\t: 0\n{line}\n", encoding="utf-8")
    assert cpu_flags(path) & {"avx512_bf16", "bf16"}


def test_no_flags_where_nothing_lists_them(tmp_path: Path) -> None:
    assert cpu_flags(tmp_path / "none") == frozenset()
