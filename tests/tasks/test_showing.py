"""What a run leaves in Prefect, read back from a server of its own."""

import gc
import re
from pathlib import Path

import pytest
from prefect import flow
from prefect.artifacts import Artifact as Shown
from prefect.testing.utilities import prefect_test_harness

from reporting.markdown import markdown
from schemas.runtime import Runtime
from storage.draft import Draft
from tasks.showing import show_results
from tasks.stage import stage
from tests.reporting.made_page import made_page
from tests.stages import Note, made

HOSTILE = "</script><script>alert(1)</script><!-- [a](https://e.example) ![b](c.png) | *d* `e`"


@stage(version="1", kind="report")
def written_report(draft: Draft, params: Note, runtime: Runtime) -> None:
    (draft.folder / "report.md").write_text(markdown(made_page(params.text)), encoding="utf-8")


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # Prefect's clients leave sockets open
def test_results_in_prefect_link_to_the_report_and_hold_no_markup_of_a_row(tmp_path: Path) -> None:
    runtime = Runtime(store=str(tmp_path), reports_url="http://127.0.0.1:4201/")
    report = made(written_report(Note(text=HOSTILE), runtime))

    @flow
    def showing() -> None:
        show_results("made_up", report, runtime)

    with prefect_test_harness(server_startup_timeout=120):
        showing()
        results, link = Shown.get("made-up-results"), Shown.get("made-up-report")
    address = f"http://127.0.0.1:4201/{report.fingerprint}/report.html"
    assert results is not None and link is not None
    text = str(results.data)
    assert text.startswith(f"[Open the report, with its drawings and examples]({address})\n\n#")
    assert address in str(link.data)
    assert "<script" not in text and "<!--" not in text
    assert re.findall(r"(?<!\\)\]\(", text) == ["]("]
    gc.collect()
