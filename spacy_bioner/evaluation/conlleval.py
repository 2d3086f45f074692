"""Entities in a sequence of tags, as the conlleval script of the CoNLL tasks reads them."""

from __future__ import annotations

from collections.abc import Sequence

from spacy_bioner.errors import ConfigError
from spacy_bioner.evaluation.cases import Mention


def read_chunks(tags: Sequence[str]) -> tuple[Mention, ...]:
    """Mentions in the tags of one sentence: O, B-TYPE and I-TYPE.

    From the description of conlleval (https://www.clips.uantwerpen.be/conll2000/chunking/
    output.html): a tag that begins, and one that continues nothing of its type, starts
    an entity; an entity ends before O, before a tag that starts one, and at the end of
    the sentence. Raises ConfigError for a tag of another scheme.
    """
    mentions: list[Mention] = []
    start, label = 0, ""
    for position, tag in enumerate([*tags, "O"]):
        prefix, _, kind = tag.partition("-")
        if prefix not in ("B", "I", "O"):
            raise ConfigError(f"{tag!r} is no tag of the scheme IOB: convert the tags before")
        if label and (prefix != "I" or kind != label):
            mentions.append(Mention(start, position, label))
            label = ""
        if prefix in ("B", "I") and not label:
            start, label = position, kind
    return tuple(mentions)
