"""The pages of a finished run under `make serve`, in the browser: its form, the run, what it made."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect, sync_playwright

from tests.flows.serving import Served, served, within

pytestmark = pytest.mark.slow

_PATIENCE_MS = 30_000


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Served, str]]:
    """A server, and the id of a run of the small demo that has just ended there."""
    store, home = tmp_path_factory.mktemp("served") / "store", tmp_path_factory.mktemp("prefect")
    with served(store, home) as serving:
        id = serving.run("pipeline/demo")
        within(420, lambda: serving.state(id) in ("Completed", "Failed", "Crashed"))
        assert serving.state(id) == "Completed", serving.log.read_text()[-3000:]
        yield serving, id


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    chromium = shutil.which("chromium")
    assert chromium, "this test opens pages in Chromium: apt-get install chromium"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1500, "height": 1500})
        page.set_default_timeout(_PATIENCE_MS)
        expect.set_options(timeout=_PATIENCE_MS)
        yield page
        browser.close()


def test_form_asks_for_the_recipe_and_describes_the_overrides(
    finished: tuple[Served, str], page: Page, tmp_path: Path
) -> None:
    serving, _ = finished
    deployment = serving.call("/deployments/name/curate/curate")["id"]
    page.goto(f"http://127.0.0.1:{serving.port}/deployments/deployment/{deployment}/run")
    for text in (
        "What to run: sources",
        "Who rewrites, rates and judges",
        "Of what lies on the hub",
        "path.to.field=value",
    ):
        expect(page.get_by_text(text).first).to_be_visible()
    page.screenshot(path=tmp_path / "form.png", full_page=True)


def test_run_says_recipe_and_date_and_its_tasks_what_they_make(
    finished: tuple[Served, str], page: Page, tmp_path: Path
) -> None:
    _open_run(*finished, page, tab="Task Runs")
    expect(page.get_by_text("demo-pipeline-20").first).to_be_visible()
    for name in ("give names", "show results of demo", "report", "score grpo-full"):
        expect(page.get_by_text(name, exact=True).first).to_be_visible()
    page.screenshot(path=tmp_path / "run.png", full_page=True)


def test_run_links_to_what_it_made(finished: tuple[Served, str], page: Page, tmp_path: Path) -> None:
    _open_run(*finished, page, tab="Artifacts")
    for key in ("demo-curation", "demo-overlaps", "demo-results", "demo-report"):
        expect(page.get_by_text(key).first).to_be_visible()
    page.screenshot(path=tmp_path / "artifacts.png", full_page=True)
    page.get_by_text("demo-made").first.click()
    for cell in ("demo/report@1", "demo/grpo@1", "demo/curated@1"):
        expect(page.get_by_text(cell).first).to_be_visible()
    page.screenshot(path=tmp_path / "made.png", full_page=True)


def test_rows_are_followed_through_curation_source_by_source(
    finished: tuple[Served, str], page: Page, tmp_path: Path
) -> None:
    _open_run(*finished, page, tab="Artifacts")
    page.get_by_text("demo-curation").first.click()
    for cell in ("video_r1", "ingest", "rewrite", "curate"):
        expect(page.get_by_text(cell, exact=True).first).to_be_visible()
    page.screenshot(path=tmp_path / "curation.png", full_page=True)


def test_report_opens_from_the_run(finished: tuple[Served, str], page: Page, tmp_path: Path) -> None:
    _open_run(*finished, page, tab="Artifacts")
    page.get_by_text("demo-report").first.click()
    address = page.get_by_role("link", name="Open the report").first.get_attribute("href")
    assert address and address.startswith(f"http://127.0.0.1:{finished[0].reports_port}/")
    page.goto(address)
    expect(page.get_by_role("heading", level=1).first).to_be_visible()
    page.screenshot(path=tmp_path / "report.png")


def _open_run(serving: Served, id: str, page: Page, tab: str) -> None:
    page.goto(f"http://127.0.0.1:{serving.port}/runs/flow-run/{id}")
    page.get_by_text(tab, exact=True).first.click()
