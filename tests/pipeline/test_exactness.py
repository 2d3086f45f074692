"""All that is summed over tag paths, against all entity sets of up to six tokens, three types."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
import spacy
from spacy.tokens import Doc, Span
from spacy.training import Example
from thinc.api import NumpyOps
from thinc.types import Ragged

from spacy_bioner.crf import CrfScores
from spacy_bioner.crf.packed import loss_and_gradient
from spacy_bioner.models.crf_layer import build_crf_layer, crf_scores, set_constraints
from spacy_bioner.models.lattice import Lattice
from spacy_bioner.pipeline.clamps import clamps_of
from spacy_bioner.pipeline.confidences import entity_sets, span_scores
from spacy_bioner.pipeline.partial import gold_of
from spacy_bioner.tags import TagScheme
from tests.models import enumeration
from tests.models.enumeration import Enumeration, every_span

TEXT = "服B12痛藥"  # six tokens, of which 1 to 3 are a run
LABELS = ("A", "B", "C")
NLP = spacy.blank("zh")
EXACT = {"abs": 1e-9, "rel": 0}


@pytest.fixture(params=["BIO", "BILUO"])
def scheme(request: pytest.FixtureRequest) -> TagScheme:
    return TagScheme(LABELS, request.param)


def random_layer(scheme, n, seed):
    """A CRF layer and emissions with random numbers."""
    rng = np.random.default_rng(seed)
    layer = build_crf_layer(len(scheme.tags))
    layer.initialize()
    for name in layer.param_names:
        shape = layer.get_param(name).shape
        layer.set_param(name, 2 * rng.normal(size=shape).astype("float32"))
    set_constraints(layer, *scheme.constraints)
    values = 2 * rng.normal(size=(n, len(scheme.tags))).astype("float32")
    return layer, Ragged(values, NumpyOps().asarray1i([n]))


def check_sums(doc, scheme, lattice, expected):
    """Compares every quantity with the enumeration."""
    n, found = len(doc), every_span(len(doc), len(LABELS))
    spans = [Span(doc, s, e, label=LABELS[k]) for s, e, k in found]
    exact = [expected.probability(lambda sets, span=span: span in sets) for span in found]
    assert span_scores(lattice, spans, any_label=False) == pytest.approx(exact, **EXACT)
    any_label = [sum(exact[i - i % 3 : i - i % 3 + 3]) for i in range(len(found))]
    assert span_scores(lattice, spans, any_label=True) == pytest.approx(any_label, **EXACT)
    inside = [
        expected.probability(lambda sets, t=t: any(s <= t < e for s, e, _ in sets))
        for t in range(n)
    ]
    assert 1 - lattice.marginals()[:, 0] == pytest.approx(inside, **EXACT)
    assert lattice.marginals() == pytest.approx(expected.marginals(), **EXACT)
    assert lattice.entropies()[0] == pytest.approx(expected.entropy(), **EXACT)
    best, probabilities = expected.best(8)
    (ranked,) = entity_sets([doc], lattice, 8, LABELS)
    assert [as_set(entry.entities) for entry in ranked] == best
    assert [entry.probability for entry in ranked] == pytest.approx(probabilities, **EXACT)
    tags = lattice.best_tags()
    columns = zip(*(values.tolist() for values in lattice.spans(tags)[1:]), strict=True)
    assert frozenset(columns) == best[0]


def as_set(entities):
    return frozenset((e.start, e.end, LABELS.index(e.label_)) for e in entities)


@pytest.mark.parametrize("n", range(1, 7))
@pytest.mark.parametrize("temperature", [1.0, 2.5])
def test_free_sentences(scheme, n, temperature):
    doc = NLP.make_doc(TEXT[:n])
    layer, emissions = random_layer(scheme, n, n)
    scores = crf_scores(layer)
    cooled = CrfScores(
        scores.start / temperature, scores.end / temperature, scores.transitions / temperature
    )
    lattice = Lattice.of(layer, emissions, scheme, temperature=temperature)
    values = emissions.dataXd.astype(float) / temperature
    check_sums(doc, scheme, lattice, Enumeration(scheme, values, cooled, lambda sets: True))


# entities set before (their label may be one that the model lacks), blocked tokens, and
# the boundaries within the run that these permit
CLAMPS = [
    ([], [], ()),
    ([(0, 1, "A")], [], (1,)),
    ([(4, 6, "B")], [0], (1, 4)),
    ([(1, 3, "C")], [], (1, 3)),
    ([(0, 2, "A"), (2, 4, "A")], [5], (2, 4)),
    ([(2, 5, "GENE")], [0], (1, 2, 5)),
    ([(4, 5, "GENE")], [2], (2, 3, 4)),
]


@pytest.mark.parametrize("snap_runs", [False, True])
@pytest.mark.parametrize(("preset", "blocked", "divided"), CLAMPS)
def test_clamped_sentences(scheme, preset, blocked, divided, snap_runs):
    doc = NLP.make_doc(TEXT)
    doc.set_ents(
        [Span(doc, s, e, label=label) for s, e, label in preset],
        blocked=[Span(doc, t, t + 1) for t in blocked],
    )
    known = {(s, e, LABELS.index(label)) for s, e, label in preset if label in LABELS}
    foreign = {t for s, e, label in preset if label not in LABELS for t in range(s, e)}
    no_boundary = {2, 3} - set(divided) if snap_runs else set()

    def keep(sets):
        covered = {t for s, e, _ in sets for t in range(s, e)}
        edges = {edge for s, e, _ in sets for edge in (s, e)}
        return known <= sets and not covered & (foreign | set(blocked)) and not edges & no_boundary

    layer, emissions = random_layer(scheme, len(doc), 7)
    clamps = clamps_of([doc], scheme, respect=True, snap_runs=snap_runs)
    masks = {"allowed": clamps.allowed, "joined": clamps.joined}
    lattice = Lattice.of(layer, emissions, scheme, **masks)
    values, scores = emissions.dataXd.astype(float), crf_scores(layer)
    check_sums(doc, scheme, lattice, Enumeration(scheme, values, scores, keep))


def reference(entities, outside, *, labelled=None, wrong=()):
    """A document in which some entities, and some tokens outside of any, are known."""
    doc = NLP.make_doc(TEXT)
    spans = [Span(doc, s, e, label=LABELS[k]) for s, e, k in entities]
    known = [Span(doc, t, t + 1) for t in outside]
    doc.set_ents(spans, outside=known, default="missing")
    if labelled is not None:
        doc.user_data["labelled_types"] = [LABELS[k] for k in labelled]
    doc.spans["wrong"] = [Span(doc, s, e, label=LABELS[k]) for s, e, k in wrong]
    return doc


# entities, tokens known to be outside, types that are annotated, spans known to be wrong
PARTIAL = [
    ([(0, 2, 1)], [3, 5], None, []),
    ([], [0, 1, 2, 3, 4, 5], [0], []),
    ([(1, 3, 0), (3, 4, 0)], [0, 4, 5], [0, 2], []),
    ([], [], None, [(0, 2, 1), (0, 3, 1), (2, 6, 0)]),
    ([(4, 5, 2)], [2], [2], [(0, 1, 0), (0, 2, 0), (1, 2, 2)]),
    ([(0, 6, 1)], [], None, []),
    ([(0, 1, 0)], [1, 2, 3, 4, 5], None, []),
]


@pytest.mark.parametrize(("entities", "outside", "labelled", "wrong"), PARTIAL)
def test_partial_losses_and_their_gradient(scheme, entities, outside, labelled, wrong):
    doc = reference(entities, outside, labelled=labelled, wrong=wrong)
    annotated = {t for s, e, _ in entities for t in range(s, e)}
    types = set(range(3)) if labelled is None else set(labelled)

    def keep(sets):
        closed = [(s, e) for s, e, k in sets if k in types]
        any_type = [(s, e) for s, e, k in sets if (s, e, k) not in entities]
        return (
            set(entities) <= sets
            and not any(s <= t < e for s, e in closed for t in outside)
            and not any(s <= t < e for s, e in any_type for t in annotated)
            and not sets & set(wrong)
        )

    layer, emissions = random_layer(scheme, len(doc), 11)
    values, scores = emissions.dataXd.astype(float), crf_scores(layer)
    gold = gold_of([Example(NLP.make_doc(TEXT), doc)], scheme, "wrong")
    known = gold.tags, gold.allowed, np.array([len(doc)]), scores, gold.refined
    found = loss_and_gradient(values, *known)
    free, agreeing = (
        Enumeration(scheme, values, scores, test) for test in (lambda sets: True, keep)
    )
    assert found.loss[0] == pytest.approx(free.log_partition - agreeing.log_partition, **EXACT)
    expected = free.marginals() - agreeing.marginals()
    assert found.emissions == pytest.approx(expected, **EXACT)


def test_enumeration_holds_each_set_once():
    sets = enumeration.entity_sets(6, 3)
    assert len(sets) == len(set(sets)) == 10_009
    for entities in sets[:: len(sets) // 200]:
        pairs = combinations(sorted(entities), 2)
        assert all(first[1] <= second[0] for first, second in pairs)


def test_documents_without_tokens_have_one_empty_set():
    scheme = TagScheme(LABELS)
    layer, _ = random_layer(scheme, 1, 0)
    nothing = Ragged(np.zeros((0, 7), "float32"), NumpyOps().asarray1i([0]))
    lattice = Lattice.of(layer, nothing, scheme)
    ((entry,),) = entity_sets([Doc(NLP.vocab)], lattice, 3, LABELS)
    assert (entry.entities, entry.probability) == ((), 1.0)
