"""How long a report of thousands of examples takes to open: from navigation to a list that answers, in Chromium.

    python -m benchmarks.report_page --examples 5000 --runs 4

Everything in the page is invented: texts of the lengths that models write, a thumbnail of its own for each example, and
small clips up to the room that a report gives them. Chromium is the machine's own; nothing is fetched.
"""

import argparse
import io
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image
from playwright.sync_api import Browser, sync_playwright

from reporting.clips import Clip, clip
from reporting.exhibits import Choice, Exhibit, shown
from reporting.page import ReportPage, render
from schemas.completion import render as completion

_SENTENCE = (
    "the a man woman red blue coat door opens slowly while music plays and someone laughs near window then says that "
    "it is late before turning to look at camera with smile as rain falls on street because nobody answered phone"
)
_WORDS = _SENTENCE.split()
_CLIP_BYTES = 40_000
_ROOM = 6_000_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--examples", type=int, default=5000)
    parser.add_argument("--runs", type=int, default=4, help="completions of each example")
    parser.add_argument("--times", type=int, default=5)
    parser.add_argument("--chromium", default="/usr/bin/chromium")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "report.html"
        path.write_text(render(_page(asked.examples, asked.runs)), encoding="utf-8")
        print(f"{asked.examples} examples of {asked.runs} runs: {path.stat().st_size / 1e6:.1f} MB")
        with sync_playwright() as driver:
            browser = driver.chromium.launch(executable_path=asked.chromium)
            taken = [_open(browser, path, asked.examples) for _ in range(asked.times)]
            browser.close()
    for name, values in zip(("interactive", "one search", "last example"), zip(*taken, strict=True), strict=True):
        print(f"{name}: median {statistics.median(values):.0f} ms, worst {max(values):.0f} ms")


def _open(browser: Browser, path: Path, examples: int) -> tuple[float, float, float]:
    """Milliseconds to a list that answers, of a search through all texts, and of a leap to the last example."""
    page = browser.new_page()
    page.goto(path.as_uri())
    page.wait_for_selector("#examples[data-ready]")
    ready = float(page.get_attribute("#examples", "data-ready") or "nan")
    began = time.monotonic()
    page.fill("#examples [name=words]", "a word that none holds")
    page.locator("#examples .found", has_text="0 of").wait_for()
    searched = time.monotonic()
    page.fill("#examples [name=words]", "")
    page.focus("#examples .list")
    leapt = time.monotonic()
    page.keyboard.press("End")
    page.wait_for_selector(f"#example-{examples - 1}[aria-selected=true]")
    ended = time.monotonic()
    page.close()
    return ready, 1000 * (searched - began), 1000 * (ended - leapt)


def _page(examples: int, runs: int) -> ReportPage:
    random = np.random.default_rng(0)
    clips = [clip("video", "clip.mp4", b"0000ftyp" + random.bytes(_CLIP_BYTES)) for _ in range(_ROOM // _CLIP_BYTES)]
    return ReportPage(
        title="Invented examples",
        lead=("Made to be timed.",),
        exhibits=tuple(_exhibit(place, runs, clips, random) for place in range(examples)),
    )


def _exhibit(place: int, runs: int, clips: list[Clip], random: np.random.Generator) -> Exhibit:
    own = clips[place] if place < len(clips) else Clip(kind="video", label="clip.mp4", source="", note="40.0 MB")
    return Exhibit(
        id=f"invented/{place}",
        benchmark=f"benchmark {place % 5}",
        category=f"category {place % 12}",
        question=_text(random, 14),
        choices=tuple(Choice(label=letter, text=_text(random, 5), gold=letter == "A") for letter in "ABCD"),
        gold="A",
        clips=(own.model_copy(update={"thumbnail": _thumbnail(random)}),),
        completions=tuple(
            shown(
                f"run {run}",
                "context_first",
                completion(_text(random, 70), _text(random, 40), "A"),
                {
                    "outcome": "answered",
                    "value": float(random.integers(2)),
                    "given": "A",
                    "consistent": None,
                    "rewards": [("format", 1.0)],
                },
                {},
            )
            for run in range(runs)
        ),
    )


def _text(random: np.random.Generator, words: int) -> str:
    return " ".join(random.choice(_WORDS, words))


def _thumbnail(random: np.random.Generator) -> str:
    """Of the size of a real one: smooth, as a frame is."""
    picture = Image.fromarray(random.integers(256, size=(8, 10, 3), dtype=np.uint8)).resize((128, 96))
    buffer = io.BytesIO()
    picture.save(buffer, "WEBP", quality=45)
    return clip("image", "", buffer.getvalue()).source


if __name__ == "__main__":
    main()
