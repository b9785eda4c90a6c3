import base64
import hashlib
import json
import re
from html.parser import HTMLParser
from typing import Any

import pytest
from markdown_it import MarkdownIt

from reporting.accuracy import accuracies
from reporting.embedded import embed, unpack
from reporting.exhibits import Exhibit
from reporting.markdown import markdown
from reporting.page import ReportPage, render
from reporting.pairs import Pair
from reporting.runs import Run
from tests.reporting.made import score, scores
from tests.reporting.made_page import made_exhibits, made_page, made_quality

HOSTILE = (
    "</script><script>alert(1)</script><!-- <img src=https://e.example/x onerror=alert(2)> & \u2028 '\" {{ 7 * 7 }}"
)
MARKED = (
    "# [a](https://e.example) ![b](c.png) <https://e.example> https://e.example www.e.example me@e.example *d* _e_ "
    "~~f~~ `g` <!-- h --> <script>i</script> &amp; | j |\n\n---\n\n- k\n\n1. l\n\n> m\n\n```\nn\n```\n\n<b>o</b>"
)
PLAIN = "(plain)"
"""Sorted before "all", as the others are."""
MEANT = {"h1", "h2", "p", "blockquote", "strong", "ul", "li", "table", "thead", "tbody", "tr", "th", "td"}
DRAWN = {"g", "path", "text", "use", "defs", "clippath", "rect", "style"}


class _Elements(HTMLParser):
    """Every element with its attributes, and the text of each script."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.comments: list[str] = []
        self.scripts: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        if self.found and self.found[-1][0] == "script" and self.cdata_elem == "script":
            self.scripts.append(data)

    def handle_comment(self, data: str) -> None:
        self.comments.append(data)

    def tags(self) -> list[str]:
        """Names of the elements in their order, without what is inside a drawing."""
        return [tag for tag, _ in self.found if tag not in DRAWN]


def test_hostile_text_is_inert_everywhere() -> None:
    hostile, plain = _Elements(render(made_page(HOSTILE))), _Elements(render(made_page(PLAIN)))
    assert hostile.tags() == plain.tags()
    assert "img" not in hostile.tags()
    assert not any(name.startswith("on") for _, attributes in hostile.found for name in attributes)
    assert not any("h --" in text or "<img" in text for text in hostile.comments)


def test_what_the_page_embeds_is_base64_and_its_one_script() -> None:
    *embedded, script = _Elements(render(made_page(HOSTILE))).scripts
    assert len(embedded) == 3
    assert all(re.fullmatch(r"(data:image/png;base64,)?[A-Za-z0-9+/=]+", text) for text in embedded)
    assert "alert(" not in script


def test_text_of_the_page_is_no_template() -> None:
    assert "{{ 7 * 7 }}" in render(made_page(HOSTILE))


def test_page_refers_to_nothing_outside_itself() -> None:
    html = render(made_page(HOSTILE))
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
    elements = _Elements(render(made_page("plain")))
    policy = next(
        attributes["content"] or ""
        for tag, attributes in elements.found
        if tag == "meta" and attributes.get("http-equiv") == "Content-Security-Policy"
    )
    digest = base64.b64encode(hashlib.sha256(elements.scripts[-1].encode()).digest()).decode()
    assert policy.startswith("default-src 'none';")
    assert f"script-src 'sha256-{digest}'" in policy


def test_same_page_renders_to_the_same_bytes() -> None:
    assert render(made_page("plain")) == render(made_page("plain"))


def test_every_section_that_is_linked_is_there() -> None:
    elements = _Elements(render(made_page("plain")))
    ids = {attributes.get("id") for _, attributes in elements.found}
    links = {(attributes.get("href") or "")[1:] for tag, attributes in elements.found if tag == "a"}
    assert len(links) > 10
    assert links <= ids


def test_examples_in_the_page_are_the_examples_given() -> None:
    found = embed(made_exhibits(HOSTILE), ())
    (example,) = _list(unpack(found.examples))
    example["clips"] = [{**clip, "source": found.media[clip["source"]]} for clip in example["clips"]]
    assert Exhibit.model_validate(example) == made_exhibits(HOSTILE)[0]


def test_medium_that_many_rows_share_is_embedded_once() -> None:
    found = embed(made_exhibits("a") * 3, made_quality("a").pairs)
    assert len(found.media) == 1
    assert {clip["source"] for example in _list(unpack(found.examples)) for clip in example["clips"]} == {0}


def test_rows_in_the_page_are_the_rows_given() -> None:
    found = embed((), made_quality(HOSTILE).pairs)
    text = json.dumps(unpack(found.pairs)).replace('"source": 0', f'"source": {json.dumps(found.media[0])}')
    assert tuple(map(Pair.model_validate, json.loads(text))) == made_quality(HOSTILE).pairs


def test_page_and_markdown_say_how_many_rows_were_accepted_and_why_others_were_not() -> None:
    page = made_page("late")
    assert "late: 3 of 4 rows accepted, 75.0%" in render(page)
    text = markdown(page)
    lines = [line for line in text[text.index("## Quality") :].splitlines() if line.startswith("| late | late |")]
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
    assert "counts do not balance: 3" in render(made_page("plain"))


def test_made_rows_are_said_to_have_no_published_number() -> None:
    said = "these rows were made for this run"
    assert said in render(made_page("plain"))
    assert said not in render(made_page("plain").model_copy(update={"made": ()}))


def test_unknown_accuracy_is_shown_as_a_dash_not_as_zero() -> None:
    run = Run("one", "One", "model", scores(score("1", value=None, outcome="load_error")))
    page = ReportPage(title="t", lead=(), accuracies=accuracies([run]))
    assert "<b>–</b>" in render(page)
    assert "| One | made | –†" in markdown(page)


def test_load_errors_stand_in_both_denominators() -> None:
    rows = [*(score(str(place)) for place in range(3)), score("4", value=None, outcome="load_error")]
    (row, _) = accuracies([Run("one", "One", "model", scores(*rows))])
    assert (row.accuracy.mean, row.with_load_errors) == (1.0, 0.75)


def test_markdown_has_the_numbers_of_the_page() -> None:
    text = markdown(made_page("plain"))
    assert "| plain | all benchmarks | 66.7† |" in text
    assert "| plain | all benchmarks | all families | −66.7† |" in text
    assert "† fewer than 50 scored rows." in text


def test_page_markdown_and_json_say_how_good_contexts_and_reasoning_are_and_of_how_many_that_is_known() -> None:
    page = made_page("late")
    text, html = markdown(page), render(page)
    section = html[html.index('<section id="reasoning">') : html.index('<section id="rewards">')]
    assert "| late | late | contexts | late 2 | 0.800† |  | 1 of 3 |" in text
    assert "| late | late | reasoning | judge timeout 2, late 1 | –† |  | 0 of 3 |" in text
    assert re.search(r"<b>0\.800</b>.*?1 of 3", section, re.DOTALL)
    assert '<span class="reason">judge timeout 2</span>' in section
    assert re.search(r"\| late \| 66\.7† \([^|]+\) \| 12 of 12 \| 75\.0†", text)
    assert re.search(r"<b>66\.7</b>.*?12 of 12.*?<b>75\.0</b>", section, re.DOTALL)
    doubt = (
        "Fewer than 50 are known, too few for a claim: contexts on late (late 1 of 3). Nothing is known of reasoning"
    )
    assert doubt in text and doubt in section
    assert ReportPage.model_validate_json(page.model_dump_json()).reasoning == page.reasoning


@pytest.mark.parametrize("text", [HOSTILE, MARKED, "- a", "12. a", "+ a", "=== a", "    a"])
def test_markdown_of_any_text_is_that_text_and_nothing_else(text: str) -> None:
    renderer = MarkdownIt("commonmark").enable(["table", "strikethrough"])
    found = _Elements(renderer.render(markdown(made_page(text))))
    plain = _Elements(renderer.render(markdown(made_page(PLAIN))))
    assert found.tags() == plain.tags()
    assert set(found.tags()) <= MEANT


def test_addresses_in_markdown_are_broken_for_renderers_that_link_them() -> None:
    text = markdown(made_page(MARKED))
    assert not re.search(r"https?://|(?<!\\)@|www\.", text)


def _list(value: object) -> list[dict[str, Any]]:
    assert isinstance(value, list)
    return value
