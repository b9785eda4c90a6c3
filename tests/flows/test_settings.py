"""What the environment says about where and how fast flows run."""

import re
from pathlib import Path

import pytest

from flows.settings import runtime
from schemas.llm import LlmLimits
from schemas.values import UserError
from storage.origin import local_folder
from tests.stages import one_line


def test_numbers_of_the_environment_reach_the_runtime(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONTEXTFIRST_TRAINING_SLOTS", "3")
    monkeypatch.setenv("CONTEXTFIRST_JUDGE_DEADLINE", "2.5")
    monkeypatch.setenv("CONTEXTFIRST_VLLM_MEMORY", "0.5")
    found = runtime(LlmLimits())
    assert (found.training_slots, found.judge_deadline, found.vllm_memory) == (3, 2.5, 0.5)


def test_relative_paths_are_meant_from_where_the_run_was_started(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Lanes and training are started in the program's own folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CONTEXTFIRST_STORE", raising=False)
    monkeypatch.setenv("CONTEXTFIRST_RESPONSES", "responses")
    monkeypatch.setenv("CONTEXTFIRST_CACHE", "cache")
    found = runtime(LlmLimits())
    assert (found.store, found.responses) == (str(tmp_path / "store"), str(tmp_path / "responses"))
    assert local_folder("s3://bucket/store").parent == tmp_path / "cache"
    monkeypatch.chdir("/")
    assert local_folder("s3://bucket/store").parent == tmp_path / "cache"


@pytest.mark.parametrize("place", ["s3://bucket/store", "gs://bucket"])
def test_store_in_a_bucket_keeps_its_address(monkeypatch: pytest.MonkeyPatch, place: str) -> None:
    monkeypatch.setenv("CONTEXTFIRST_STORE", place)
    assert runtime(LlmLimits()).store == place


@pytest.mark.parametrize("written", ["many", "0", "1.5", "-2"])
def test_number_that_is_none_is_refused_by_its_name(monkeypatch: pytest.MonkeyPatch, written: str) -> None:
    monkeypatch.setenv("CONTEXTFIRST_WORKERS", written)
    with pytest.raises(UserError, match="CONTEXTFIRST_WORKERS") as caught:
        runtime(LlmLimits())
    assert repr(written) in one_line(caught.value)


def test_every_variable_is_on_the_page_about_operations() -> None:
    root = Path(__file__).parents[2]
    read = set(re.findall(r'"(CONTEXTFIRST_\w+)"', (root / "flows" / "settings.py").read_text(encoding="utf-8")))
    assert len(read) > 10
    assert read <= set(re.findall(r"CONTEXTFIRST_\w+", (root / "docs" / "operations.md").read_text(encoding="utf-8")))
