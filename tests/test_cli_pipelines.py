"""How commands load pipelines, and where they write new ones."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import spacy
from spacy.language import Language

from spacy_bioner.cli.pipelines import check_new_pipeline, load_pipeline
from spacy_bioner.errors import ConfigError, OutputExistsError
from tests.pipeline.pipelines import CNN, GOLD, build, found_in, initialized, train

TAGGER = Path("bert_crf_ner") / "model"


@pytest.fixture(scope="module")
def trained_cnn() -> Language:
    return train(initialized(build(CNN)))


def test_a_package_is_loaded_by_its_name(
    trained_cnn: Language, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "zh_tried"
    package.mkdir()
    trained_cnn.to_disk(package / "data")
    code = (
        "import spacy\ndef load(**given):\n    return spacy.load(__path__[0] + '/data', **given)\n"
    )
    (package / "__init__.py").write_text(code, encoding="utf-8")
    metadata = tmp_path / "zh_tried-1.0.dist-info" / "METADATA"
    metadata.parent.mkdir()
    metadata.write_text("Metadata-Version: 2.1\nName: zh_tried\nVersion: 1.0\n", encoding="utf-8")
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    assert found_in(load_pipeline(Path("zh_tried"), -1)) == GOLD


def test_what_cannot_be_loaded_is_refused_in_one_line(
    trained_cnn: Language, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ConfigError, match="nowhere: no pipeline to load"):
        load_pipeline(tmp_path / "nowhere", -1)
    trained_cnn.to_disk(tmp_path / "model")
    whole = (tmp_path / "model" / TAGGER).read_bytes()
    (tmp_path / "model" / TAGGER).write_bytes(whole[: len(whole) // 2])
    with pytest.raises(
        ConfigError, match=r"model: cannot be loaded, for a setting or a damaged file \(\w"
    ):
        load_pipeline(tmp_path / "model", -1)
    trained_cnn.to_disk(tmp_path / "other")
    config = tmp_path / "other" / "config.cfg"
    text = config.read_text(encoding="utf-8").replace('scheme = "BIO"', 'schema = "BIO"')
    config.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=r"a setting or a damaged file \(.*schema"):
        load_pipeline(tmp_path / "other", -1)

    trained_cnn.to_disk(tmp_path / "full disk")
    (tmp_path / "full disk" / "vocab" / "vectors").write_bytes(b"")
    with pytest.raises(ConfigError, match="full disk: cannot be loaded"):
        load_pipeline(tmp_path / "full disk", -1)

    def no_gpu(gpu_id: int) -> None:
        raise ValueError("CuPy is not installed")

    monkeypatch.setattr(spacy, "require_gpu", no_gpu)
    with pytest.raises(ConfigError, match="--gpu-id 3: CuPy is not installed"):
        load_pipeline(tmp_path / "model", 3)


def test_a_new_pipeline_replaces_a_pipeline_and_nothing_else(tmp_path: Path) -> None:
    notes, out = tmp_path / "notes", tmp_path / "out"
    notes.mkdir()
    (notes / "own.txt").touch()
    for path, message in ((notes, "is not a pipeline"), (notes / "own.txt", "is a file")):
        with pytest.raises(ConfigError, match=message):
            check_new_pipeline(path, force=True)
    out.mkdir()
    check_new_pipeline(out, force=False)
    spacy.blank("zh").to_disk(out)
    with pytest.raises(OutputExistsError):
        check_new_pipeline(out, force=False)
    check_new_pipeline(out, force=True)
