from __future__ import annotations

import warnings
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from seqeval import scheme as seqeval_scheme
from seqeval.metrics.sequence_labeling import get_entities

from spacy_bioner.corpora.reading_log import FileLog, ReadLog
from spacy_bioner.corpora.tag_schemes import (
    SCHEMES,
    guess_scheme,
    is_tag,
    scheme_named,
    scheme_tags,
    to_bio,
)
from spacy_bioner.corpora.tagged import entities_from_tags, unit_offsets
from spacy_bioner.errors import ConfigError, CorpusError

PATH = Path("corpus.conll")
# seqeval names the same schemes otherwise; it knows no scheme with M-.
ORACLES = {
    "IOB1": seqeval_scheme.IOB1,
    "BIO": seqeval_scheme.IOB2,
    "BIOES": seqeval_scheme.IOBES,
    "BILUO": seqeval_scheme.BILOU,
}


def convert(tags, scheme, strict=False):
    log = ReadLog(strict)
    return to_bio(tags, range(1, len(tags) + 1), scheme, FileLog(PATH, log)), log.repairs


def mentions_of(tags, scheme, strict=False):
    """(first token, end token, label) as a reader finds them."""
    bio, _ = convert(tags, scheme, strict)
    tokens, lines = unit_offsets("x" * len(tags)), range(1, len(tags) + 1)
    found = entities_from_tags(bio, tokens, lines, FileLog(PATH, ReadLog(strict=True)))
    return [(entity.start, entity.end, entity.label) for entity in found]


@st.composite
def sentences(draw):
    """A number of tokens, and mentions on them that do not overlap but may touch."""
    lengths = draw(st.lists(st.integers(1, 4), max_size=7))
    edges = [0]
    for length in lengths:
        edges.append(edges[-1] + length)
    labels = st.sampled_from(["A", "B-x", ""])  # "" for tokens outside
    spans = [(start, end, draw(labels)) for start, end in pairwise(edges)]
    return edges[-1], [span for span in spans if span[2]]


@pytest.mark.parametrize("scheme", SCHEMES)
@given(sentences())
def test_tags_of_a_scheme_are_read_back_without_a_slip(scheme, sentence):
    size, mentions = sentence
    tags = scheme_tags(size, mentions, scheme)
    assert len(tags) == size
    assert mentions_of(tags, scheme, strict=True) == mentions


@pytest.mark.parametrize("scheme", ORACLES)
@given(sentences())
def test_seqeval_reads_the_same_mentions(scheme, sentence):
    size, mentions = sentence
    tags = scheme_tags(size, mentions, scheme)
    found = seqeval_scheme.Entities([tags], ORACLES[scheme]).entities[0]
    assert [(entity.start, entity.end, entity.tag) for entity in found] == mentions
    assert mentions_of(tags, scheme) == mentions


@pytest.mark.parametrize("scheme", ["BIO", "BIOES"])
@given(st.data())
def test_any_sequence_is_read_as_conlleval_reads_it(scheme, data):
    prefixes = st.sampled_from("BIO" if scheme == "BIO" else "BIOES")
    pairs = data.draw(st.lists(st.tuples(prefixes, st.sampled_from("AB")), max_size=10))
    tags = ["O" if prefix == "O" else f"{prefix}-{label}" for prefix, label in pairs]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = [(start, end + 1, label) for label, start, end in get_entities(tags)]
    assert mentions_of(tags, scheme) == expected


@pytest.mark.parametrize(
    ("scheme", "tags", "expected", "repaired"),
    [
        ("BIO", "B-A I-A O", "B-A I-A O", {}),
        ("BIO", "I-A I-A O I-B", "B-A I-A O B-B", {1: "B-A", 4: "B-B"}),
        ("BIO", "o-x b-A i-A", "O B-A I-A", {1: "O", 2: "B-A", 3: "I-A"}),
        ("IOB1", "I-A I-A B-A I-B O I-B", "B-A I-A B-A B-B O B-B", {}),
        ("IOB1", "B-A I-A O B-A", "B-A I-A O B-A", {1: "I-A", 4: "I-A"}),
        ("IOB1", "I-A B-B", "B-A B-B", {2: "I-B"}),
        ("BIOES", "B-A I-A E-A S-A S-A", "B-A I-A I-A B-A B-A", {}),
        ("BIOES", "B-A I-A O", "B-A I-A O", {2: "E-A"}),
        ("BIOES", "B-A B-A E-A", "B-A B-A I-A", {1: "S-A"}),
        ("BIOES", "S-A E-A", "B-A B-A", {2: "S-A"}),
        ("BIOES", "S-A I-A E-A", "B-A B-A I-A", {2: "B-A"}),
        ("BIOES", "B-A I-B", "B-A B-B", {1: "S-A", 2: "S-B"}),
        ("BIOES", "B-A E-A I-A E-A", "B-A I-A B-A I-A", {3: "B-A"}),
        ("BILUO", "B-A I-A L-A U-A", "B-A I-A I-A B-A", {}),
        ("BILUO", "B-A U-A L-A", "B-A B-A B-A", {1: "U-A", 3: "U-A"}),
        ("BMEWO", "B-A M-A E-A W-A", "B-A I-A I-A B-A", {}),
        ("BMEWO", "M-A M-A O", "B-A I-A O", {1: "B-A", 2: "E-A"}),
        ("BMESO", "B-A M-A E-A S-A", "B-A I-A I-A B-A", {}),
    ],
)
def test_slips_are_read_by_rule(scheme, tags, expected, repaired):
    found, repairs = convert(tags.split(), scheme)
    assert found == expected.split()
    assert {repair.line: repair.read_as for repair in repairs} == repaired


@pytest.mark.parametrize(
    ("scheme", "tags", "reason"),
    [
        ("BIO", "I-A", "'I-A': continues no entity of its type (token 1)"),
        ("IOB1", "B-A", "'B-A': B- is for an entity right after one of its type (token 1)"),
        ("BIOES", "B-A", "'B-A': nothing ends the entity (token 1)"),
        (
            "BIOES",
            "i-A",
            "'i-A': prefix in lower case, continues no entity of its type, "
            "nothing ends the entity (token 1)",
        ),
    ],
)
def test_slips_are_errors_when_strict(scheme, tags, reason):
    with pytest.raises(CorpusError) as caught:
        convert(tags.split(), scheme, strict=True)
    assert str(caught.value).startswith(f"{PATH}:1: {reason}. Correct it, or read without")


@pytest.mark.parametrize(
    ("scheme", "tag"),
    [
        ("BIO", "S-A"),
        ("IOB1", "E-A"),
        ("BIOES", "L-A"),
        ("BILUO", "S-A"),
        ("BMEWO", "I-A"),
        ("BMESO", "W-A"),
        *((scheme, tag) for scheme in SCHEMES for tag in ("I", "Disease", "B-", "", "A-B", "X-A")),
    ],
)
def test_tags_that_a_scheme_does_not_have_are_errors(scheme, tag):
    with pytest.raises(CorpusError) as caught:
        convert(["O", tag], scheme)
    message = str(caught.value)
    assert message.startswith(f"{PATH}:2: tag {tag!r} of token 2 is not one of scheme {scheme}: O,")
    assert "name the tag scheme" in message


@pytest.mark.parametrize(
    ("tags", "scheme"),
    [
        ("", "BIO"),
        ("O O", "BIO"),
        ("B-A I-A O B-A", "BIO"),
        ("I-A O B-A", "BIO"),
        ("I-A B-B", "BIO"),
        ("B-A", "BIO"),
        ("I-A I-A O I-B", "IOB1"),
        ("I-A B-A I-A O", "IOB1"),
        ("I-A / B-A", "BIO"),
        ("B-A E-A O", "BIOES"),
        ("B-A I-A S-B", "BIOES"),
        ("s-A O", "BIOES"),
        ("B-A I-A L-A", "BILUO"),
        ("U-A", "BILUO"),
        ("B-A M-A E-A", "BMESO"),
        ("W-A B-A E-A", "BMEWO"),
        ("B-A M-A E-A S-A", "BMESO"),
        ("Gene O", "BIO"),
        ("B-A I-A O B-A O B-A O S-A", "BIO"),
    ],
)
def test_scheme_is_told_from_the_tags(tags, scheme):
    assert guess_scheme("" if tag == "/" else tag for tag in tags.split()) == scheme


@pytest.mark.parametrize("scheme", SCHEMES)
@given(st.lists(sentences(), min_size=1, max_size=5))
def test_scheme_that_is_told_reads_the_same_mentions(scheme, several):
    tagged = [scheme_tags(size, mentions, scheme) for size, mentions in several]
    told = guess_scheme(tag for tags in tagged for tag in [*tags, ""])
    assert [mentions_of(tags, told) for tags in tagged] == [mentions for _, mentions in several]


@given(st.lists(st.text(max_size=5)))
def test_any_strings_have_a_scheme(tags):
    assert guess_scheme(tags) in SCHEMES


@pytest.mark.parametrize("tag", ["O", "o", "B-A", "w-A", "L-A", "O-A"])
def test_tags_of_every_scheme_are_known(tag):
    assert is_tag(tag)


@pytest.mark.parametrize("tag", ["", "A", "B", "B-", "-A", "X-A", "B-A ", "NN"])
def test_other_strings_are_no_tags(tag):
    assert not is_tag(tag)


@pytest.mark.parametrize(
    ("name", "scheme"),
    [("BIO", "BIO"), ("iob2", "BIO"), ("IOBES", "BIOES"), ("bilou", "BILUO"), ("BMES", "BMESO")],
)
def test_schemes_go_by_several_names(name, scheme):
    assert scheme_named(name) == scheme


@pytest.mark.parametrize("name", ["", "auto", "IOB", "BIOE"])
def test_unknown_scheme_is_refused(name):
    with pytest.raises(ConfigError, match=r"unknown tag scheme .*: use auto or one of BIO, IOB1,"):
        scheme_named(name)
