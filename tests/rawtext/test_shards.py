from __future__ import annotations

import bz2
import gzip
import lzma
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from spacy_bioner.errors import BionerError, CorpusError
from spacy_bioner.rawtext.shards import (
    Shard,
    find_shards,
    read_lines,
    read_manifest,
    read_weights,
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "plain.txt").write_text("一\n\n 二 \n", encoding="utf-8")
    with lzma.open(tmp_path / "packed.txt.xz", "wt", encoding="utf-8") as file:
        file.write("三\n四\n")
    (tmp_path / "notes.md").write_text("not text to learn from")
    return tmp_path


def test_find_shards_takes_text_files_of_a_folder_in_order(folder: Path) -> None:
    found = find_shards([folder], {"plain": 0.5})
    assert [(shard.name, shard.weight) for shard in found] == [("packed", 1.0), ("plain", 0.5)]


def test_find_shards_leaves_out_weight_zero(folder: Path) -> None:
    assert [shard.name for shard in find_shards([folder], {"plain": 0})] == ["packed"]


def test_read_lines_passes_over_a_byte_order_mark(tmp_path: Path) -> None:
    (tmp_path / "marked.txt").write_text("一\n二\n", encoding="utf-8-sig")
    assert list(read_lines(tmp_path / "marked.txt")) == ["一", "二"]


def test_read_lines_strips_and_passes_over_blank_lines(folder: Path) -> None:
    assert list(read_lines(folder / "plain.txt")) == ["一", "二"]
    assert list(read_lines(folder / "packed.txt.xz")) == ["三", "四"]


def test_a_link_to_nothing_is_refused(folder: Path) -> None:
    (folder / "lost.txt").symlink_to(folder / "absent.txt")
    for source in (folder / "lost.txt", folder / "lo*.txt", folder):
        with pytest.raises(CorpusError, match=r"lost\.txt: is a link to what is not there"):
            find_shards([source], {})


def test_folders_in_a_folder_are_named(folder: Path) -> None:
    (folder / "2020").mkdir()
    with pytest.warns(UserWarning, match=r"folders in it are not read \(2020\)"):
        assert len(find_shards([folder], {})) == 2


def test_other_files_in_a_folder_are_named_and_endings_have_any_case(folder: Path) -> None:
    (folder / "LOUD.TXT").write_text("五\n", encoding="utf-8")
    (folder / "left.txt.zst").touch()
    with pytest.warns(UserWarning, match=r"are read, not left\.txt\.zst"):
        found = find_shards([folder], {})
    assert [list(read_lines(shard.path)) for shard in found] == [["五"], ["三", "四"], ["一", "二"]]
    assert find_shards([folder / "LOUD.TXT"], {}) == found[:1]


def test_find_shards_takes_patterns(folder: Path) -> None:
    assert [shard.name for shard in find_shards([folder / "*.txt*"], {})] == ["packed", "plain"]


@pytest.mark.parametrize(
    ("name", "weights", "message"),
    [
        ("*.pdf", {}, "there is no such file or folder"),
        ("absent.txt", {}, "there is no such file or folder"),
        ("notes.md", {}, "is not text of a known kind"),
        ("plain.txt", {"plain": -1.0}, "weight -1 is no number of 0 or more"),
        ("plain.txt", {"plain": float("nan")}, "weight nan is no number of 0 or more"),
        ("plain.txt", {"plain": 0.0}, "no shard of text with a weight above 0"),
        ("plain.txt", {"other": 1.0}, "weights are given for other"),
    ],
)
def test_find_shards_refuses(
    folder: Path, name: str, weights: dict[str, float], message: str
) -> None:
    with pytest.raises(BionerError, match=message):
        find_shards([folder / name], weights)


def test_read_lines_names_the_line_that_is_not_utf8(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes("好\n".encode() * 50 + b"\xff\n")
    with pytest.raises(CorpusError, match=r"a\.txt:51: is not UTF-8"):
        list(read_lines(path))


@pytest.mark.parametrize(
    ("suffix", "compress"), [(".xz", lzma.compress), (".gz", gzip.compress), (".bz2", bz2.compress)]
)
@pytest.mark.parametrize("damage", ["cut", "changed"])
def test_read_lines_refuses_broken_compression(
    tmp_path: Path, suffix: str, compress: Callable[[bytes], bytes], damage: str
) -> None:
    path = tmp_path / f"a.txt{suffix}"
    lines = (f"很長的文字 {random.Random(n).random()}\n" for n in range(500))
    data = compress("".join(lines).encode())
    middle = len(data) // 2
    changed = data[:middle] + bytes(8) + data[middle + 8 :]
    path.write_bytes(data[:-20] if damage == "cut" else changed)
    with pytest.raises(CorpusError, match=r"cannot be decompressed|is not UTF-8"):
        list(read_lines(path))


def test_read_weights_names_the_file_that_is_missing(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match=r"absent\.tsv: there is no such file of weights"):
        read_weights(tmp_path / "absent.tsv")


def test_read_weights_passes_over_comments_and_names_bad_lines(tmp_path: Path) -> None:
    path = tmp_path / "weights.tsv"
    path.write_text("# how often\na\t2\n\nb\t0.5\n")
    assert read_weights(path) == {"a": 2.0, "b": 0.5}
    path.write_text("a\t2\nb twice\n")
    with pytest.raises(CorpusError, match=r"weights\.tsv:2: 'b twice' is not"):
        read_weights(path)


def test_read_manifest_gives_licences_by_shard(folder: Path) -> None:
    manifest = "\ufeffsource\trepo\tlicence\n\nplain\tme/it\tCC0\n"
    (folder / "MANIFEST.tsv").write_text(manifest, encoding="utf-8")
    shards = [Shard(folder / "plain.txt"), Shard(folder / "packed.txt.xz")]
    assert read_manifest(shards) == {folder / "plain.txt": ("me/it", "CC0")}


def test_a_licence_is_that_of_the_manifest_beside_the_text(folder: Path) -> None:
    other = folder / "other"
    other.mkdir()
    for place, licence in ((folder, "MIT"), (other, "GPL")):
        (place / "plain.txt").write_text("x\n")
        (place / "MANIFEST.tsv").write_text(f"source\trepo\tlicence\nplain\tme\t{licence}\n")
    shards = [Shard(folder / "plain.txt"), Shard(other / "plain.txt")]
    assert read_manifest(shards) == {
        folder / "plain.txt": ("me", "MIT"),
        other / "plain.txt": ("me", "GPL"),
    }


def test_a_folder_that_is_named_like_a_file_is_no_shard(folder: Path) -> None:
    (folder / "sub.txt").mkdir()
    with pytest.warns(UserWarning, match=r"not read \(sub\.txt\)"):
        shards = find_shards([folder], {})
    assert "sub" not in [shard.name for shard in shards]


def test_a_file_that_is_named_twice_is_one_shard(folder: Path) -> None:
    (folder / "link.txt").symlink_to(folder / "plain.txt")
    given = [folder / "plain.txt", folder, folder / "*.xz"]
    assert [shard.name for shard in find_shards(given, {})] == ["plain", "packed"]


def test_a_licence_that_is_left_out_is_not_given(folder: Path) -> None:
    (folder / "MANIFEST.tsv").write_text("source\trepo\tlicence\nplain\tme/it\npacked\n")
    given = read_manifest(find_shards([folder], {}))
    assert {path.name.split(".")[0]: what for path, what in given.items()} == {
        "plain": ("me/it", "not given"),
        "packed": ("not given", "not given"),
    }


def test_files_beside_the_text_that_are_not_utf8_are_refused(folder: Path) -> None:
    for name in ("MANIFEST.tsv", "weights.tsv"):
        (folder / name).write_bytes("來源".encode("big5"))
    with pytest.raises(CorpusError, match=r"MANIFEST\.tsv: is not UTF-8"):
        read_manifest(find_shards([folder], {}))
    with pytest.raises(CorpusError, match=r"weights\.tsv: is not UTF-8"):
        read_weights(folder / "weights.tsv")


def test_read_manifest_names_a_column_that_is_missing(folder: Path) -> None:
    (folder / "MANIFEST.tsv").write_text("source\trepo\nplain\tme/it\n")
    with pytest.raises(CorpusError, match=r"MANIFEST\.tsv:1: has no column 'licence'"):
        read_manifest(find_shards([folder], {}))
