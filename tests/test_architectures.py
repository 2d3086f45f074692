from __future__ import annotations

from spacy_bioner.architectures import transformers_in


def test_transformers_are_found_at_any_depth() -> None:
    shared = {"@architectures": "spacy_bioner.BucketedTransformer.v1", "name": "a"}
    own = {"@architectures": "spacy-transformers.Tok2VecTransformer.v3", "name": "b"}
    listener = {"@architectures": "spacy-transformers.TransformerListener.v1"}
    tagger = {"@architectures": "any", "embed": {"parts": {"own": own, "heard": listener}}}
    components = {
        "transformer": {"factory": "transformer", "model": shared},
        "ner": {"model": tagger, "threshold": 0.4},
        "sentencizer": {"factory": "sentencizer"},
    }
    assert list(transformers_in(components, "components")) == [
        ("components.transformer.model", shared),
        ("components.ner.model.embed.parts.own", own),
    ]
