from __future__ import annotations

import json
import re
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spacy_bioner.corpora import json_text
from spacy_bioner.corpora.json_text import check_encodable, check_surrogates
from spacy_bioner.corpora.text_lines import LineError
from spacy_bioner.errors import CorpusError

PIECES = ["\\ud83d", "\\uDC1E", "\\u00e9", "\\\\", "\\n", "ud83d", "a", "\\ud83d\\udc1e"]


@given(st.lists(st.sampled_from(PIECES), max_size=12), st.integers(1, 20))
def test_half_a_surrogate_pair_is_found_wherever_blocks_end(tmp_path_factory, pieces, size):
    path = tmp_path_factory.getbasetemp() / "pairs.json"
    path.write_text(f'"{"".join(pieces)}"', encoding="ascii")
    broken = True
    with suppress(LineError):
        check_encodable(json.loads(path.read_text()))
        broken = False
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_text, "_BLOCK", size)
        if not broken:
            check_surrogates(path)
            return
        with pytest.raises(CorpusError, match="half a surrogate pair") as caught:
            check_surrogates(path)
    code, at = re.search(r"(\\u\w+), at byte offset (\d+)", str(caught.value)).groups()
    assert path.read_text()[int(at) :].startswith(code)


def test_a_file_of_blocks_is_searched_block_by_block(tmp_path):
    path = tmp_path / "a.json"
    path.write_bytes(b'"' + b"a" * (3 << 20) + rb'\ud83d"')
    with pytest.raises(CorpusError) as caught:
        check_surrogates(path)
    assert str(caught.value) == (
        rf"{path}: half a surrogate pair, \ud83d, at byte offset {(3 << 20) + 1}. Replace it."
    )
