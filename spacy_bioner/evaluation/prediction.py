"""Running a pipeline over gold documents, with the time it took."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from spacy.language import Language
from spacy.tokens import Doc, DocBin, Span, SpanGroup
from spacy.training import Corpus, Example
from spacy.training.corpus import walk_corpus
from spacy.vocab import Vocab

from spacy_bioner.corpora.outputs import new_outputs
from spacy_bioner.errors import ConfigError

_ATTRIBUTES = ("ORTH", "ENT_IOB", "ENT_TYPE")


@dataclass(frozen=True)
class Prediction:
    """Gold documents, the same as the pipeline annotates them, and the seconds that took.

    words: tokens of the documents, on which speed is counted.
    """

    gold: list[Doc]
    found: list[Doc]
    seconds: float
    words: int


def predict(nlp: Language, gold: Path) -> Prediction:
    """Annotate the documents of a .spacy file, tokenised as in training and evaluation.

    Raises ConfigError if there are none.
    """
    examples = read_examples(nlp, gold)
    docs = [example.predicted for example in examples]
    started = time.perf_counter()
    found = list(nlp.pipe(docs))
    seconds = time.perf_counter() - started
    return Prediction([e.reference for e in examples], found, seconds, sum(map(len, found)))


def read_examples(nlp: Language, path: Path) -> list[Example]:
    """The documents of a .spacy file or of a folder of such, as the pipeline tokenises them.

    Raises ConfigError if there is none, a file is damaged, or a text is too long for the pipeline.
    """
    docs = read_docs(path, nlp.vocab)
    for doc in docs:
        if not doc.has_unknown_spaces and len(doc.text) > nlp.max_length:
            name = doc.user_data.get("id", doc.text[:20])
            raise ConfigError(
                f"{path}: document {name!r} has {len(doc.text):,} characters, and the pipeline "
                f"takes {nlp.max_length:,} (nlp.max_length). Cut it in convert, by --pieces."
            )
    return list(Corpus(path).make_examples(nlp, docs))


def read_docs(path: Path, vocab: Vocab | None = None) -> list[Doc]:
    """The documents with tokens of a .spacy file, or a folder of such, as spaCy reads them too.

    Raises ConfigError if it is none, or there are none.
    """
    files = [path]
    if path.is_dir():
        files = [Path(file) for file in walk_corpus(path, ".spacy")]
    else:
        check_file(path)
    vocab = vocab or Vocab()
    docs = [doc for file in files for doc in _docs_of(file, vocab)]
    if not docs:
        raise ConfigError(f"{path}: holds no documents")
    return docs


def _docs_of(path: Path, vocab: Vocab) -> list[Doc]:
    try:
        return [doc for doc in DocBin().from_disk(path).get_docs(vocab) if len(doc)]
    except Exception as error:  # zlib, msgpack, numpy and Doc each fail in ways of their own
        raise _damaged(path, error) from None


def _damaged(path: Path, error: Exception) -> ConfigError:
    reason = f"{type(error).__name__}: {error}"
    return ConfigError(f"{path}: not a .spacy file, or a damaged one ({reason})")


def check_file(path: Path) -> None:
    if not path.is_file():
        raise ConfigError(f"{path}: no such file. Name a .spacy file, made by `convert`.")


def write_docs(docs: Iterable[Doc], path: Path) -> None:
    """Write documents with their entities and confidences, whole or not at all."""
    docbin = DocBin(attrs=_ATTRIBUTES, store_user_data=True, docs=[_bare(doc) for doc in docs])
    with new_outputs([path]) as (part,):
        docbin.to_disk(part)


def _bare(doc: Doc) -> Doc:
    """The same words, entities and groups of spans, without what the components left."""
    bare = Doc(doc.vocab, words=[t.text for t in doc], spaces=[bool(t.whitespace_) for t in doc])
    bare.set_ents([_moved(bare, entity) for entity in doc.ents])
    for key, group in doc.spans.items():
        places = group.attrs.get("places")
        if places is None:
            spans = [_moved(bare, span) for span in group]
        else:  # right where tokens were merged since, too
            inside = (bare.char_span(start, end, label) for start, end, label in places)
            spans = [span for span in inside if span is not None]
        bare.spans[key] = SpanGroup(bare, name=key, attrs=dict(group.attrs), spans=spans)
    return bare


def _moved(doc: Doc, span: Span) -> Span:
    return Span(doc, span.start, span.end, span.label_)
