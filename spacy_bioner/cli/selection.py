"""What `spacy bioner select` does between reading and writing."""

import random
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from spacy.language import Language
from spacy.tokens import Doc, Span
from tqdm import tqdm

from spacy_bioner.corpora.docbin import Placement
from spacy_bioner.corpora.document import Document, Entity
from spacy_bioner.corpora.outputs import check_outputs, new_outputs
from spacy_bioner.corpora.reading import detect_format, expand_inputs, read_corpus
from spacy_bioner.corpora.sentences import cut_document
from spacy_bioner.corpora.sinks import write_format
from spacy_bioner.corpora.text_lines import read_lines
from spacy_bioner.corpora.writers import WRITERS, find_writer
from spacy_bioner.corpora.writing_log import WriteLog
from spacy_bioner.errors import ConfigError, CorpusError
from spacy_bioner.pipeline.bert_crf_ner import BertCrfNer
from spacy_bioner.pipeline.calibration import crf_component
from spacy_bioner.pipeline.preceding import after_pipes_before
from spacy_bioner.pipeline.selection import MEASURES, select, uncertainty

_AT_ONCE = 128


def run_selection(
    nlp: Language,
    name: str,
    inputs: Sequence[Path],
    out: Path,
    to: str,
    format: str,
    force: bool,
    settings: dict[str, Any],
) -> str:
    """Read, select and write; returns what to tell the user."""
    if to.split(":")[0] not in WRITERS:
        raise ConfigError(f"cannot write {to!r}: use one of {list(WRITERS)}")
    writer = find_writer(to)
    if settings["by"] not in MEASURES:
        raise ConfigError(f"cannot select by {settings['by']!r}: use one of {list(MEASURES)}")
    check_outputs([out], force)
    component = crf_component(nlp, name)
    sentences = list(pieces(expand_inputs(inputs, format), format))
    if not sentences:
        raise ConfigError("no sentences in the inputs")
    scores = _scores(nlp, component, sentences, settings)
    texts = [sentence.text for sentence in sentences]
    diversity = 0.0 if settings["by"] == "random" else settings["diversity"]
    chosen = select(scores, texts, settings["count"], diversity)
    documents = _annotated(nlp, component, [sentences[i] for i in chosen])
    log = WriteLog()
    with new_outputs([out]) as (path,):
        write_format(documents, path, writer, nlp, Placement(), log=log)
    lost = "".join(f"\nin {to}: {loss}" for loss in log.losses.values())
    return f"{out}: {len(documents):,} of {len(sentences):,} sentences, by {settings['by']}{lost}"


def pieces(paths: Sequence[Path], format: str) -> Iterator[Document]:
    """The sentences of corpora, without their annotation, or of plain texts.

    A document whose id another one has too, as of files of one name, gets a number after it.
    """
    met: Counter[str] = Counter()
    for path in paths:
        for document in _documents(path, format):
            name = document.id
            while name is not None and met[name]:
                met[document.id] += 1
                name = f"{document.id}-{met[document.id]}"
            met[name] += 1
            plain = Document(document.text, (), name, document.genre)
            yield from cut_document(plain)


def _documents(path: Path, format: str) -> Iterator[Document]:
    try:
        name = detect_format(path) if format == "auto" else format
    except CorpusError:
        if path.suffix != ".txt":
            raise
        for number, line in read_lines(path):
            if line.strip():
                yield Document(line.rstrip("\r\n"), (), f"{path.stem}-{number}")
        return
    yield from read_corpus(path, name)


def _scores(
    nlp: Language, component: BertCrfNer, sentences: list[Document], settings: dict[str, Any]
) -> list[float]:
    if settings["by"] == "random":
        chance = random.Random(settings["seed"])
        return [chance.random() for _ in sentences]
    scores: list[float] = []
    with tqdm(total=len(sentences), unit=" sentences", disable=not sys.stderr.isatty()) as bar:
        for i in range(0, len(sentences), _AT_ONCE):
            batch = sentences[i : i + _AT_ONCE]
            docs = _prepared(nlp, component, batch)
            scores += uncertainty(component.lattice(docs), settings["by"]).tolist()
            bar.update(len(batch))
    return scores


def _prepared(nlp: Language, component: BertCrfNer, batch: Sequence[Document]) -> list[Doc]:
    """Documents that went through the pipes before the component."""
    docs = [nlp.make_doc(document.text) for document in batch]
    return after_pipes_before(nlp, component.name, docs, _AT_ONCE)


def _note(entity: Span) -> str:
    """The confidence, which an entity that a component before ours has set has none of."""
    score = entity._.bioner_score
    return "" if score is None else f"confidence {score:.4f}"


def _annotated(
    nlp: Language, component: BertCrfNer, sentences: Sequence[Document]
) -> list[Document]:
    """The sentences with the entities found, each with its probability as a note."""
    result = []
    source = f"model:{nlp.meta['lang']}_{nlp.meta['name']}"
    for document in sentences:
        docs = _prepared(nlp, component, [document])
        with component.scoring():
            component.set_annotations(docs, component.predict(docs))
        entities = tuple(
            Entity(e.start_char, e.end_char, e.label_, note=_note(e)) for e in docs[0].ents
        )
        result.append(Document(document.text, entities, document.id, document.genre, source=source))
    return result
