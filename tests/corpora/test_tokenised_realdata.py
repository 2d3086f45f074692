"""The tokenised files of BC5CDR and NCBI disease against the same corpora as PubTator.

Tokenised files have neither ids nor the white space of the texts, and give the documents in
another order. So mentions are compared in the stream of all characters that are no white
space, in which each text of the PubTator file is looked for.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

import pytest

from spacy_bioner.corpora.document import Document
from spacy_bioner.corpora.reading import read_corpus

pytestmark = pytest.mark.realdata

Mentions = Counter[tuple[int, int, str]]

# What the tokenised file says, then what PubTator says, by document. The characters of both are
# the same, so that all that differs was made in tokenising: a mention that ends within a word
# was grown to the token;
GROWN = {
    "15075188": ("2Cl", "Cl"),
    "19692487": ("2Cl", "Cl"),
    "1969772": ("DA1 DA2", "DA DA"),
    "20705401": ("5-HT6 5-HT6 5-HT6 5-HT6 5-HT6", "5-HT 5-HT 5-HT 5-HT 5-HT"),
    "2907585": ("5-hydroxytryptamine1a", "5-hydroxytryptamine"),
}
GROWN_NCBI = {
    "10802668": ("autosomaldominantdisorder", "autosomaldominantdisorde"),
    "2792129": (
        "absenceoftheseventhcomponentofcomplement",
        "absenceoftheseventhcomponentofcomplemen",
    ),
}
# and one in which a sentence was taken to end, after "St.", became two, twice.
DIVIDED = {
    "3300918": ("Anthony'sfire Anthony'sfire St. St.", "St.Anthony'sfire St.Anthony'sfire"),
}


def stream(documents: Iterable[Document], offset: int = 0) -> tuple[str, Mentions]:
    """All characters but white space, and the mentions in them."""
    characters, mentions = list[str](), Mentions()
    for document in documents:
        places = []
        for character in document.text:
            places.append(offset + len(characters))
            characters += character.split()
        places.append(offset + len(characters))
        mentions.update((places[e.start], places[e.end], e.label) for e in document.entities)
    return "".join(characters), mentions


def texts(mentions: Mentions, characters: str) -> str:
    return " ".join(sorted(characters[start:end] for start, end, _ in mentions.elements()))


@pytest.mark.parametrize(
    ("pubtator", "tokenised", "alike", "expected"),
    [
        ("bc5cdr/CDR_TrainingSet.PubTator.txt", "bc5cdr/train.tsv", 9385, {}),
        ("bc5cdr/CDR_DevelopmentSet.PubTator.txt", "bc5cdr/devel.tsv", 9579, GROWN | DIVIDED),
        ("ncbi-disease/NCBIdevelopset_corpus.txt", "ncbi-disease/devel.tsv", 787, {}),
        ("ncbi-disease/NCBItrainset_corpus.txt", "ncbi-disease/train.tsv", 5132, GROWN_NCBI),
    ],
)
def test_tokenised_files_have_the_mentions_of_pubtator(
    shared_data, pubtator, tokenised, alike, expected
):
    characters, theirs = stream(read_corpus(shared_data / "en" / tokenised))
    found, same, total = {}, 0, 0
    # A document stands twice in NCBI's training file; the tokenised file has it once.
    documents = {d.id: d for d in read_corpus(shared_data / "en" / pubtator)}
    for document in documents.values():
        text, _ = stream([document])
        at = characters.find(text)
        assert at >= 0, document.id
        _, ours = stream([document], at)
        if pubtator.startswith("ncbi"):  # its four types are one in the tokenised file
            ours = Counter({(a, b, "Disease"): n for (a, b, _), n in ours.items()})
        there = Counter({m: n for m, n in theirs.items() if at <= m[0] < at + len(text)})
        same += sum((ours & there).values())
        total += sum(there.values())
        if ours != there:
            found[document.id] = texts(there - ours, characters), texts(ours - there, characters)
    assert found == expected
    assert same == alike
    assert total == sum(theirs.values())
