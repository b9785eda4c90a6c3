import base64
import hashlib
import json
import re
from html.parser import HTMLParser

import pyarrow as pa
from pydantic import TypeAdapter

from reporting.accuracy import accuracies
from reporting.differences import Comparison, differences
from reporting.exhibits import Choice, Exhibit, clip, pieces, shown
from reporting.figures import TrainingLog, accuracy_plots, reward_plot, training_curves
from reporting.histograms import histogram_plot, histograms
from reporting.markdown import markdown
from reporting.page import (
    Baseline,
    Curves,
    Fact,
    Facts,
    FunnelStage,
    ReportPage,
    RewardRow,
    RewardSection,
    render,
)
from reporting.pairs import Judged, Leaving, Pair
from reporting.quality import QualitySection, Step, outcomes
from reporting.rewards import reward_differences, reward_summaries
from reporting.runs import Run
from schemas.artifact import Rows
from schemas.completion import render as completion
from schemas.example import Rating
from schemas.training import RewardTerm
from tests.reporting.made import score, scores

HOSTILE = "</script><script>alert(1)</script><img src=https://e.example/x onerror=alert(2)> & \u2028 '\" {{ 7 * 7 }}"
DRAWN = {"g", "path", "text", "use", "defs", "clippath", "rect", "style"}
PNG = b"\x89PNG\r\n\x1a\n" + bytes(20)


class _Elements(HTMLParser):
    """Every element with its attributes, and the text of each script."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        if self.found and self.found[-1][0] == "script" and self.cdata_elem == "script":
            self.scripts.append(data)

    def tags(self) -> list[str]:
        """Names of the elements in their order, without what is inside a drawing."""
        return [tag for tag, _ in self.found if tag not in DRAWN]


def _runs(text: str) -> list[Run]:
    rows = [score(str(place), value=float(place % 3 > 0), family=text, gold=text) for place in range(12)]
    muted = [{**row, "value": 0.0} for row in rows]
    return [Run("full", text, "model", scores(*rows)), Run("muted", text, "muted", scores(*muted))]


def _exhibits(text: str) -> tuple[Exhibit, ...]:
    return (
        Exhibit(
            id=text,
            benchmark=text,
            family=text,
            question=text,
            choices=(Choice(label="A", text=text, gold=True),),
            gold=text,
            clips=(clip("image", text, PNG),),
            completions=(shown(text, "context_first", completion(text, text, "A"), "answered", 1.0, text),),
        ),
    )


def _judged(text: str, leaving: Leaving | None) -> Judged:
    return Judged(
        **_exhibits(text)[0].model_dump(include={"id", "question", "choices", "gold", "clips"}),
        source=text,
        leaving=leaving,
        repaired=True,
        written=pieces(text, "context_first"),
        reply=text,
        ratings=(Rating(name=text, value=0.5, rationale=text),),
        quality=0.5,
        note=text,
    )


def _quality(text: str) -> QualitySection:
    found = histograms([({"composite": 0.2}, False), ({"composite": 0.8}, True)])
    step = Step(text, text, ["a", "b", "c", "d"], ["", "", "", text], [True, False, False, False])
    return QualitySection(
        note=text,
        outcomes=outcomes([step]),
        min_quality=0.5,
        histograms=found,
        plots=tuple(histogram_plot(one, 0.5) for one in found),
        pairs=(
            Pair(accepted=_judged(text, None), rejected=_judged(text, Leaving(step=text, reason=text, detail=text))),
            Pair(accepted=_judged(text, None), rejected=None),
        ),
    )


def _page(text: str) -> ReportPage:
    runs = _runs(text)
    found = accuracies(runs)
    comparisons = [Comparison(title=text, run="muted", against="full")]
    paired = differences(runs, comparisons)
    terms = (RewardTerm(reward="format", weight=0.5), RewardTerm(reward="accuracy", weight=1.0))
    rewards = reward_summaries(runs, terms)
    log = TrainingLog("sft", text, _metrics())
    return ReportPage(
        title=text,
        lead=(text,),
        notices=(text,),
        accuracies=found,
        accuracy_plots=accuracy_plots(found),
        differences=paired,
        rewards=RewardSection(
            note=text,
            rows=(RewardRow(sampled=rewards[0], greedy=found[0]), RewardRow(sampled=rewards[1], greedy=None)),
            reward_differences=reward_differences(runs, comparisons, terms),
            accuracy_differences=paired,
            plot=reward_plot(rewards),
        ),
        curves=(Curves(title=text, note=text, plots=training_curves(log)),),
        funnel=(
            FunnelStage(title=text, rows=Rows(entered=10, left=7, rejected={text: 3})),
            FunnelStage(title="lossy", rows=Rows(entered=10, left=7)),
        ),
        quality=_quality(text),
        baselines=(Baseline(model=text, benchmark=text, accuracy=0.5847, n=None, protocol=text, source=text),),
        exhibits=_exhibits(text),
        exhibits_note=text,
        provenance=(Facts(title=text, rows=(Fact(label=text, text=text),)),),
    )


def _metrics() -> pa.Table:
    return pa.table({"step": [1, 2], "name": ["loss", "loss"], "value": [2.0, 1.0]})


def test_hostile_text_is_inert_everywhere() -> None:
    hostile, plain = _Elements(render(_page(HOSTILE))), _Elements(render(_page("plain")))
    assert hostile.tags() == plain.tags()
    assert hostile.tags().count("script") == 3
    assert "img" not in hostile.tags()
    assert not any(name.startswith("on") for _, attributes in hostile.found for name in attributes)


def test_text_of_the_page_is_no_template() -> None:
    assert "{{ 7 * 7 }}" in render(_page(HOSTILE))


def test_page_refers_to_nothing_outside_itself() -> None:
    html = render(_page(HOSTILE))
    links = ("src", "href", "srcset", "data", "action", "poster", "xlink:href")
    for tag, attributes in _Elements(html).found:
        assert tag not in {"link", "iframe", "object", "embed", "base"}
        for name in links:
            assert (attributes.get(name) or "#").startswith("#")
    style = re.search(r"<style>(.*?)</style>", html, re.DOTALL)
    assert style is not None
    assert "url(" not in style[1]
    assert "@import" not in style[1]


def test_policy_allows_the_page_script_and_no_network() -> None:
    elements = _Elements(render(_page("plain")))
    policy = next(
        attributes["content"] or ""
        for tag, attributes in elements.found
        if tag == "meta" and attributes.get("http-equiv") == "Content-Security-Policy"
    )
    digest = base64.b64encode(hashlib.sha256(elements.scripts[-1].encode()).digest()).decode()
    assert policy.startswith("default-src 'none';")
    assert f"script-src 'sha256-{digest}'" in policy


def test_same_page_renders_to_the_same_bytes() -> None:
    assert render(_page("plain")) == render(_page("plain"))


def test_examples_in_the_page_are_the_examples_given() -> None:
    _, written, _ = _Elements(render(_page(HOSTILE))).scripts
    assert TypeAdapter(tuple[Exhibit, ...]).validate_python(json.loads(written)) == _exhibits(HOSTILE)


def test_rows_in_the_page_are_the_rows_given() -> None:
    written, _, _ = _Elements(render(_page(HOSTILE))).scripts
    assert TypeAdapter(tuple[Pair, ...]).validate_python(json.loads(written)) == _quality(HOSTILE).pairs


def test_page_and_markdown_say_how_many_rows_were_accepted_and_why_others_were_not() -> None:
    page = _page("late")
    assert "late: 3 of 4 rows accepted, 75.0%" in render(page)
    lines = [line for line in markdown(page).splitlines() if line.startswith("| late | late |")]
    assert [line.split(" | ")[2:4] for line in lines] == [
        ["accepted", "75.0"],
        ["accepted after a repair", "25.0"],
        ["late", "25.0"],
    ]


def test_empty_parts_leave_no_section() -> None:
    html = render(ReportPage(title="Nothing yet", lead=()))
    assert "<h1>Nothing yet</h1>" in html
    assert "<section" not in html
    assert "<table" not in html


def test_counts_that_do_not_balance_are_said() -> None:
    assert "counts do not balance: 3" in render(_page("plain"))


def test_unknown_accuracy_is_shown_as_a_dash_not_as_zero() -> None:
    run = Run("one", "One", "model", scores(score("1", value=None, outcome="load_error")))
    page = ReportPage(title="t", lead=(), accuracies=accuracies([run]))
    assert "<b>–</b>" in render(page)
    assert "| One | made | –†" in markdown(page)


def test_markdown_has_the_numbers_of_the_page() -> None:
    text = markdown(_page("plain"))
    assert "| plain | made | 66.7† |" in text
    assert "| plain | made | all families | −66.7† |" in text
    assert "† fewer than 50 scored rows." in text


def test_markdown_rows_survive_hostile_text() -> None:
    text = markdown(_page("a|b\n<script>c</script>"))
    assert "<script" not in text
    tables = [line for line in text.splitlines() if line.startswith("|")]
    assert len(tables) == len([line for line in markdown(_page("ab")).splitlines() if line.startswith("|")])
