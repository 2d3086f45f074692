"""What pages, cards and metrics hold, and that nothing in a corpus can break them."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any

import pytest
import yaml
from lxml import html as lxml_html

from spacy_bioner.evaluation.cases import Case, Mention, case_of_tags
from spacy_bioner.evaluation.comparison import compare
from spacy_bioner.evaluation.curve import CurvePoint
from spacy_bioner.evaluation.evaluate import Evaluation, Speed, evaluate
from spacy_bioner.evaluation.metrics import comparison_metrics, metrics
from spacy_bioner.evaluation.report.page import (
    Labels,
    markdown_cell,
    render_card,
    render_comparison,
    render_report,
)
from spacy_bioner.evaluation.report.text_style import TextStyle, text_style
from tests.evaluation.random_tags import random_pairs

PAIRS = random_pairs(60, seed=5)
VOID = {"meta", "link", "rect", "line", "circle", "polyline", "br"}
EVIL = '<script>alert("x")</script>'


def case_of(text: str, gold: list[Mention], found: list[Mention], id: str = "1") -> Case:
    tokens = tuple((n, n + 1) for n in range(len(text)))
    return Case(id, text, tokens, tuple(gold), tuple(found))


@pytest.fixture(scope="module")
def evaluation() -> Evaluation:
    cases = [case_of_tags(gold, found, str(n)) for n, (gold, found) in enumerate(PAIRS)]
    cases = [
        Case(c.id, c.text, c.tokens, c.gold, c.found, tuple(0.5 for _ in c.found), genre="g")
        for c in cases
    ]
    return evaluate(cases, speed=Speed(2.0, 1000), samples=200)


def select(element: Any, kind: str) -> list[Any]:
    """Elements of a class, anywhere inside."""
    return list(element.xpath(f".//*[contains(concat(' ', @class, ' '), ' {kind} ')]"))


def marked(line: Any, kind: str) -> list[str]:
    """Texts of the marks of a class, without their labels."""
    return [mark.find("bdi").text for mark in select(line, kind)]


class Balance(HTMLParser):
    """Fails on an end tag that fits no start tag."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in VOID:
            self.open.append(tag)
        values = dict(attrs)
        self.ids += [values["id"] or ""] if "id" in values else []
        self.links += [values["href"] or ""] if "href" in values else []

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag


def check_page(page: str) -> Balance:
    parser = Balance()
    parser.feed(page)
    assert parser.open == []
    assert len(parser.ids) == len(set(parser.ids))
    inside = [link for link in parser.links if link != "data:,"]
    assert all(link.startswith("#") for link in inside)
    assert {link[1:] for link in inside} <= set(parser.ids)
    assert not re.search(r"https?://|<script|@import|url\(", page)
    return parser


def test_report_is_whole_and_needs_nothing_beside_itself(evaluation: Evaluation) -> None:
    page = render_report(evaluation, Labels("A report"))
    parser = check_page(page)
    assert {"types", "errors", "confusion", "groups", "gallery", "reliability"} <= set(parser.ids)
    assert f"{100 * evaluation.micro.f1:.1f}" in page
    assert "500" in page  # words a second


def test_comparison_is_whole_and_needs_nothing_beside_itself(evaluation: Evaluation) -> None:
    other = evaluate([case_of_tags(g, g, str(n)) for n, (g, _) in enumerate(PAIRS)], samples=200)
    comparison = compare(evaluation, other, samples=200)
    page = render_comparison(comparison, Labels("Both", names=("poor", "perfect")))
    check_page(page)
    assert "F1 of perfect" in page
    figures = json.loads(json.dumps(comparison_metrics(comparison)))
    assert figures["difference"]["difference"] == pytest.approx(1 - evaluation.micro.f1)
    gold = figures["gold_mentions"]
    assert gold["only_a"] == gold["neither"] == 0
    assert gold["both"] + gold["only_b"] == evaluation.micro.gold


def test_differences_are_what_one_system_alone_has(evaluation: Evaluation) -> None:
    a = [case_of("abcd", [Mention(0, 1, "A")], [Mention(0, 1, "A")])]
    b = [case_of("abcd", [Mention(0, 1, "A")], [Mention(2, 3, "A")])]
    (difference,) = compare(evaluate(a, samples=100), evaluate(b, samples=100), 100).differences
    assert (difference.only_a, difference.only_b) == ((Mention(0, 1, "A"),), ())
    assert (difference.wrong_a, difference.wrong_b) == ((), (Mention(2, 3, "A"),))
    assert difference.balance == -2


def test_texts_and_labels_are_escaped() -> None:
    text = f"{EVIL}&amp;"
    case = case_of(text, [Mention(0, 3, EVIL)], [Mention(1, 5, "{{ 1 + 1 }}")], id=EVIL)
    page = render_report(evaluate([case], samples=100), Labels(EVIL, EVIL, EVIL))
    assert "<script" not in page
    shown = lxml_html.fromstring(page).text_content()
    assert EVIL in shown.replace("\n", "")
    assert "{{ 1 + 1 }}" in shown


def test_example_shows_gold_above_found_and_marks_the_error() -> None:
    text = "病人服用阿斯匹靈後頭痛"
    case = case_of(text, [Mention(4, 8, "DRUG")], [Mention(4, 7, "DRUG"), Mention(9, 11, "SYMP")])
    page = lxml_html.fromstring(render_report(evaluate([case], samples=100), Labels("x")))
    (example,) = [e for e in select(page, "example") if "boundary" in e.get("id")]
    gold, found = select(example, "line")
    assert (marked(gold, "about"), marked(gold, "other")) == (["阿斯匹靈"], [])
    assert (marked(found, "about"), marked(found, "other")) == (["阿斯匹"], ["頭痛"])
    blocks = example.xpath(".//div[@lang]")
    assert {(block.get("lang"), block.get("dir")) for block in blocks} == {("zh-Hant", "ltr")}


def test_long_documents_are_cut_around_the_error() -> None:
    text = "".join(chr(0x4E00 + n % 900) for n in range(1000))
    case = case_of(text, [Mention(500, 502, "A")], [])
    page = render_report(evaluate([case], samples=100), Labels("x"))
    line = select(lxml_html.fromstring(page), "entities")[0].text_content()
    assert text[440:500] in line
    assert text[439:440] not in line.replace(text[440:562], "")
    assert line.strip().startswith("…")


def test_right_to_left_texts_are_marked_as_such() -> None:
    text = "تناول المريض الأسبرين بسبب الصداع"
    case = case_of(text, [Mention(13, 21, "DRUG")], [])
    page = lxml_html.fromstring(render_report(evaluate([case], samples=100), Labels("x")))
    blocks = page.xpath("//*[contains(@class, 'line')]/div[@lang]")
    assert {(block.get("lang"), block.get("dir")) for block in blocks} == {("ar", "rtl")}
    assert all("direction: rtl" in text.get("style") for text in select(page, "entities"))
    assert marked(page, "about") == ["الأسبرين"]


@pytest.mark.parametrize(
    ("text", "given", "style"),
    [
        ("病人說頭暈和胃痛都好多了", "auto", ("zh-Hant", "ltr")),
        ("病人说头晕和胃痛都好多了", "auto", ("zh-Hans", "ltr")),
        ("患者は頭痛を訴えた", "auto", ("ja", "ltr")),
        ("המטופל נטל אספירין 100 mg", "auto", ("he", "rtl")),
        ("Aspirin relieved the headache", "auto", ("en", "ltr")),
        ("Aspirin 500 mg", "de", ("de", "ltr")),
        ("", "auto", ("en", "ltr")),
    ],
)
def test_text_style(text: str, given: str, style: tuple[str, str]) -> None:
    assert text_style([text], given) == TextStyle(*style)


def test_metrics_hold_what_the_page_shows(evaluation: Evaluation) -> None:
    figures = json.loads(json.dumps(metrics(evaluation)))
    assert figures["ents_f"] == figures["micro"]["f1"] == evaluation.micro.f1
    assert set(figures["by_type"]) == {"DISE", "SYMP", "DRUG"}
    low, high = figures["intervals"]["f1"]
    assert low < figures["ents_f"] < high
    assert figures["speed"]["words_per_second"] == 500
    assert figures["reliability"]["overall"]["confidence"] == 0.5
    assert sum(sum(row) for row in figures["confusion"]["counts"]) > 0


def test_card_has_metadata_that_a_hub_can_read(evaluation: Evaluation) -> None:
    facts = {"Author": "A | B"}
    card = render_card(evaluation, Labels('A "model"', data="some: data", facts=facts))
    _, head, body = card.split("---\n", 2)
    entry = yaml.safe_load(head)["model-index"][0]
    assert entry["name"] == 'A "model"'
    values = {m["type"]: m["value"] for m in entry["results"][0]["metrics"]}
    assert values["f1"] == pytest.approx(evaluation.micro.f1, abs=1e-6)
    assert "A \\| B" in body
    assert "| **all** |" in body


def test_cells_of_markdown_cannot_end_early() -> None:
    assert markdown_cell("a|b\n<i>") == "a\\|b &lt;i>"


def test_evaluation_without_errors_and_without_mentions_renders() -> None:
    for gold in ([], [Mention(0, 1, "A")]):
        result = evaluate([case_of("ab", gold, gold)], samples=100)
        check_page(render_report(result, Labels("x")))
        render_card(result, Labels("x"))


def test_curve_is_drawn(evaluation: Evaluation) -> None:
    points = (CurvePoint(0, 0, 1.0, None, None, 0.1), CurvePoint(1, 100, 1.0, 0.5, 0.5, 0.5))
    page = render_report(replace(evaluation, curve=points), Labels("x"))
    assert check_page(page).ids.count("curve") == 1
    assert "F1: 100, 0.500" in page


def test_types_that_differ_in_case_have_a_colour_each() -> None:
    mentions = [Mention(0, 1, "GENE"), Mention(1, 2, "Gene")]
    page = render_report(
        evaluate([case_of("ab", mentions[:1], mentions[1:])], samples=100), Labels("Case")
    )
    marks = re.findall(r'<mark class="[^"]*" style="--colour:([^"]*)"', page)
    assert len(set(marks)) == 2
