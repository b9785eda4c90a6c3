"""The page as a reader has it: opened in Chromium from a file, with its own content security policy in force.

Playwright drives the machine's Chromium over its own protocol, so no driver of a matching version has to be installed.
"""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

from reporting.clips import Clip, clip, thumbnail
from reporting.exhibits import Choice, Exhibit, shown
from reporting.page import render
from schemas.completion import render as completion
from tests.media.clips import Pictures, Tone, encode
from tests.reporting.made import score
from tests.reporting.made_page import made_page

pytestmark = pytest.mark.slow
HOSTILE = "</script><script>document.title='taken'</script><!-- <img src=x onerror=\"document.title='taken'\">"
EXAMPLES = 300
LOADED = """
video => new Promise((resolve, reject) => {
  const look = () => video.readyState >= 2 ? resolve(video.videoWidth) : video.error ? reject(video.error.message)
    : setTimeout(look, 50);
  look();
  setTimeout(() => reject("no picture in 20 seconds"), 20000);
})
"""
PARTS = ("#accuracy", "#comparisons figure", "#answers", "#reasoning", "#training figure", "#curation", "#examples")
PHONE = {"width": 390, "height": 844}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    path = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    if path is None:
        pytest.fail("no Chromium on this machine: apt install chromium, or name one with CHROMIUM=/path/to/it")
    with sync_playwright() as driver:
        opened = driver.chromium.launch(executable_path=path)
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report with every section, hostile words, a playable clip and some hundred examples under two runs."""
    folder = tmp_path_factory.mktemp("report")
    page = made_page(HOSTILE).model_copy(
        update={"exhibits": tuple(_exhibits(_clip(folder))), "compared": ("before", "after")}
    )
    (folder / "report.html").write_text(render(page), encoding="utf-8")
    return folder / "report.html"


@pytest.fixture
def page(browser: Browser, report: Path) -> Iterator[Page]:
    """The report, opened; whatever the console or a script says goes wrong fails the test at its end."""
    opened = browser.new_page(viewport={"width": 1280, "height": 900})
    said: list[str] = []
    opened.on("console", lambda message: said.append(message.text))
    opened.on("pageerror", lambda error: said.append(str(error)))
    opened.on("requestfailed", lambda request: said.append(f"failed: {request.url[:80]}"))
    opened.goto(report.as_uri())
    opened.wait_for_selector("#examples[data-ready]")
    yield opened
    opened.close()
    assert said == []


def _clip(folder: Path) -> Clip:
    path = encode(folder / "clip.mp4", Pictures(), Tone())
    made = clip("video", "clip.mp4", path.read_bytes())
    return made.model_copy(update={"thumbnail": thumbnail("video", path)})


def _exhibits(own: Clip) -> Iterator[Exhibit]:
    """Every second example is right before, every third after; number 7 has hostile words."""
    for place in range(EXAMPLES):
        values = {"before": float(place % 2 == 0), "after": float(place % 3 == 0)}
        yield Exhibit(
            id=f"row/{place}",
            benchmark=("first", "second")[place % 2],
            category=("sound", "picture")[place % 4 // 2],
            question=HOSTILE if place == 7 else f"Question number {place}?",
            choices=(Choice(label="A", text="red", gold=True), Choice(label="B", text="blue", gold=False)),
            gold="A",
            clips=(own,) if place == 0 else (own.model_copy(update={"source": "", "note": "not embedded: 9.0 MB"}),),
            completions=tuple(
                shown(
                    run,
                    "context_first",
                    completion(f"seen {place}", "so", "A" if value else "B"),
                    score(str(place), value=value, consistent=_consistent(place), rewards=[("accuracy", value)]),
                    {},
                )
                for run, value in values.items()
            ),
        )


def _consistent(place: int) -> bool | None:
    """Known of all but every fourth, and then no for every tenth."""
    return None if place % 4 == 0 else place % 10 != 5


def _found(page: Page) -> str:
    return page.inner_text("#examples .found")


def _choose(page: Page, **fields: str) -> None:
    for name, value in fields.items():
        page.select_option(f"#examples [name={name}]", value)


def _chosen(page: Page) -> str:
    return page.inner_text("#examples article h3")


def test_hostile_words_are_read_and_do_nothing(page: Page) -> None:
    page.fill("#examples [name=words]", "row/7")
    page.locator("#examples .line", has_text="</script>").first.click()
    assert _chosen(page) == HOSTILE
    assert page.title() == HOSTILE
    assert page.locator("#examples article img[src=x]").count() == 0


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"benchmark": "first"}, EXAMPLES // 2),
        ({"category": "sound", "benchmark": "second"}, EXAMPLES // 4),
        ({"run": "after", "mark": "right"}, EXAMPLES // 3),
        ({"argued": "not known"}, EXAMPLES // 4),
        ({"argued": "does not argue for it"}, EXAMPLES // 10),
        ({"run": "after", "mark": "right", "argued": "does not argue for it"}, EXAMPLES // 30),
        ({"change": "right"}, EXAMPLES // 6),
        ({"change": "wrong"}, EXAMPLES // 3),
        ({"change": "changed"}, EXAMPLES // 2),
        ({"change": "same"}, EXAMPLES // 2),
    ],
)
def test_filters_find_what_they_say(page: Page, fields: dict[str, str], expected: int) -> None:
    assert _found(page) == f"{EXAMPLES} examples"
    _choose(page, **fields)
    assert _found(page) == f"{expected} of {EXAMPLES} examples"
    page.click("#examples [type=reset]")
    page.locator("#examples .found", has_text=f"{EXAMPLES} examples").wait_for()
    assert page.input_value("#examples [name=from]") == "before"


def test_search_reads_what_models_wrote(page: Page) -> None:
    page.fill("#examples [name=words]", "SEEN 123")
    assert _found(page) == f"1 of {EXAMPLES} examples"
    assert _chosen(page) == "Question number 123?"


def test_changed_example_shows_the_two_runs_and_the_rewards_by_block(page: Page) -> None:
    _choose(page, change="right")
    heads = page.locator("#examples .completion h4").all_inner_texts()
    assert [head.split()[0] for head in heads] == ["before", "after"]
    assert page.locator("#examples .completion .paid.answer").all_inner_texts() == ["accuracy 0.00", "accuracy 1.00"]


def test_completion_says_where_its_reasoning_does_not_argue_for_it(page: Page) -> None:
    _choose(page, argued="does not argue for it")
    assert page.locator("#examples .completion .against").all_inner_texts() == ["reasoning does not argue for it"] * 2


def test_examples_are_chosen_by_keys_alone(page: Page) -> None:
    page.focus("#examples [name=words]")
    while page.evaluate("document.activeElement.className") != "list":
        page.keyboard.press("Tab")
    for key, expected in (("ArrowDown", 1), ("ArrowDown", 2), ("ArrowUp", 1), ("End", EXAMPLES - 1), ("Home", 0)):
        page.keyboard.press(key)
        assert _chosen(page) == f"Question number {expected}?"
        line = page.locator(f"#{page.get_attribute('#examples .list', 'aria-activedescendant')}")
        assert line.get_attribute("aria-selected") == "true"
        assert line.get_attribute("aria-posinset") == str(expected + 1)


def test_only_the_lines_in_sight_are_drawn_wherever_the_list_is_scrolled(page: Page) -> None:
    page.eval_on_selector("#examples .list", "list => { list.scrollTop = list.scrollHeight / 2; }")
    page.locator("#example-150").wait_for()
    assert page.locator("#examples .line").count() < 60


def test_clip_plays_and_thumbnails_load(page: Page) -> None:
    video = page.locator("#examples article video")
    assert video.evaluate(LOADED) == 64
    page.locator("#example-1").click()
    for picture in ("#example-0 img", "#example-1 img", "#examples article img.still"):
        page.locator(picture).scroll_into_view_if_needed()
        page.locator(picture).evaluate("image => image.decode()")
        assert page.locator(picture).evaluate("image => image.naturalWidth") == 64


def test_pairs_turn_with_buttons_and_arrow_keys(page: Page) -> None:
    page.click("#pairs [name=next]")
    assert page.inner_text("#pairs output") == "2 of 2"
    page.keyboard.press("ArrowLeft")
    assert page.inner_text("#pairs output") == "1 of 2"


def test_every_field_has_a_label(page: Page) -> None:
    unnamed = page.eval_on_selector_all(
        "input, select, button, [role=listbox], [role=region]",
        "all => all.filter(one => !(one.labels?.length || one.getAttribute('aria-label') || one.textContent.trim()))"
        ".map(one => one.outerHTML)",
    )
    assert unnamed == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_main_parts_are_drawn_in_both_schemes(page: Page, scheme: str, tmp_path: Path) -> None:
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    for part in PARTS:
        path = tmp_path / "part.png"
        page.locator(part).first.screenshot(path=path)
        with Image.open(path) as picture:
            levels = np.asarray(picture.convert("L"), float)
            paper, ink = (levels.max(), levels.min()) if scheme == "light" else (levels.min(), levels.max())
            assert picture.width > 300 and picture.height > 100
            assert (paper > 240) if scheme == "light" else (paper < 60), part
            assert abs(paper - ink) > 120, part


def test_page_fits_a_phone_and_wide_tables_scroll_by_themselves(page: Page) -> None:
    page.set_viewport_size({"width": PHONE["width"], "height": PHONE["height"]})
    wide = page.eval_on_selector_all(
        "body *",
        "all => all.filter(one => one.getBoundingClientRect().right > innerWidth && !one.closest('.scroll, svg'))"
        ".map(one => `${one.tagName} ${one.className}`)",
    )
    assert (wide, page.evaluate("document.documentElement.scrollWidth")) == ([], PHONE["width"])
    assert page.locator("#accuracy .scroll").evaluate("part => part.scrollWidth > part.clientWidth")


def test_paper_has_what_is_unfolded_and_no_controls(page: Page) -> None:
    folded = page.locator("details:not([open]) > summary")
    assert folded.count() > 0
    page.emulate_media(media="print")
    assert not folded.first.is_visible()
    assert not page.locator("#examples form").is_visible()
    assert not page.locator("nav").is_visible()
    assert page.locator("#examples article").is_visible()
    page.emulate_media(media="screen")
    page.click(".unfold")
    assert folded.count() == 0
    assert page.pdf(prefer_css_page_size=True).startswith(b"%PDF")
