"""Rewriting: what breaks a rule is refused with its reason, and nothing that was answered is asked for again."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from llm.request import Outcome
from schemas.artifact import Artifact
from schemas.completion import render
from schemas.example import Example, Option, Provenance, Reject
from schemas.failures import NoAnswer
from schemas.values import Runtime, UserError
from storage.parquet import read_examples, read_rejects
from storage.store import Store
from tasks.rewrite import RewriteParams, names_option, rewrite, rewritten
from tests.llm.server import Answer, Asked, Server, completion, serving
from tests.stages import example, files_below, how, made, one_line, rows_of

KEY = "sk-test-0123456789abcdef"
PARAMS = RewriteParams(provider="openai", model="m", rows_per_shard=2, max_reject_share=1.0)
GOOD = render("A red square moves.", "It is red.", "A")


@pytest.fixture
def runtime(tmp_path: Path) -> Runtime:
    return Runtime(store=str(tmp_path / "store"))


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    with serving(lambda _asked: completion(GOOD)) as running:
        monkeypatch.setenv("OPENAI_BASE_URL", running.address)
        monkeypatch.setenv("OPENAI_API_KEY", KEY)
        yield running


def answered(text: str | None, **changes: object) -> Outcome:
    return Outcome.model_validate({"identity": "0", "text": text, "request_id": "r-1"} | changes)


def reason(text: str, row: Example | None = None) -> str:
    """Why a reply is refused; empty when it is taken."""
    result = rewritten(row or example("1"), answered(text), PARAMS)
    return result.reason if isinstance(result, Reject) else ""


def test_rewrite_that_keeps_the_rules_is_taken_with_its_provenance() -> None:
    before = Provenance(field="context", provider="publisher", model="", prompt="", request="")
    kept = Provenance(field="answer", provider="publisher", model="", prompt="", request="")
    row = rewritten(example("1", context="old", provenance=(before, kept)), answered(GOOD), PARAMS)
    assert isinstance(row, Example)
    assert (row.context, row.think, row.answer) == ("A red square moves.", "It is red.", "A")
    assert row.provenance == (
        kept,
        Provenance(field="context", provider="openai", model="m", prompt="rewrite@1", request="r-1"),
        Provenance(field="think", provider="openai", model="m", prompt="rewrite@1", request="r-1"),
    )


@pytest.mark.parametrize("answer", ["B", "blue", "A or B", "neither", "C"])
def test_rewrite_with_changed_answer_is_rejected(answer: str) -> None:
    assert reason(render("A red square.", "So.", answer)) == "answer_changed"


@pytest.mark.parametrize("answer", ["A", " A ", "A.", "(A)", "red", "A. red", "a"])
def test_rewrite_may_spell_the_same_answer_in_another_way(answer: str) -> None:
    assert reason(render("A red square.", "So.", answer)) == ""


@pytest.mark.parametrize(
    "text",
    [
        "",
        "A red square, so A.",
        render("A red square.", "", "A"),
        render("", "So.", "A"),
        render("A red square.", "So.", ""),
        "<think>So.</think><context>A red square.</context><answer>A</answer>",
        "<context>A red square.<think>So.</think></context><answer>A</answer>",
        "<context>A red square.</context><think>So.<answer>A</answer>",
        "Here you are: " + GOOD,
        GOOD + GOOD,
    ],
)
def test_malformed_rewrite_is_rejected_with_what_was_written(text: str) -> None:
    result = rewritten(example("1"), answered(text), PARAMS)
    assert isinstance(result, Reject)
    assert (result.reason, result.row, result.source_row) == ("malformed", text, "1")


def test_failed_call_is_a_reject_that_names_the_failure() -> None:
    result = rewritten(example("1"), answered(None, failure="refused", detail="content filter"), PARAMS)
    assert isinstance(result, Reject)
    assert (result.reason, result.detail) == ("llm_refused", "content filter")


FOUR = tuple(Option(label=label, text=f"text {label}") for label in "ABCD")


@pytest.mark.parametrize(
    "text",
    [
        "The man picks option B.",
        "The scene fits Option (B) best.",
        "As choice B says, it rains.",
        "The square (B) moves.",
        "It fits B. The rest does not.",
        "It fits B.",
        "The answer is B",
        "The answer is: B, clearly",
        "the correct answer is 'B'",
        "Answer: B",
        "B) a blue square is seen.",
    ],
)
def test_context_that_names_an_option_gives_the_choice_away(text: str) -> None:
    assert "B" in names_option(text, FOUR)
    assert reason(render(text, "So.", "B"), example("1", options=FOUR, answer="B")) == "choice_given_away"


@pytest.mark.parametrize(
    "text",
    [
        "A man walks in. A dog barks.",
        "He says that vitamin C is good for her.",
        "Plan A succeeded, and plan B failed.",
        "She gets a B in class and a D-minus in sport.",
        "He has the option a man rarely has.",
        "The answer is a smile.",
        "He speaks at 10 a.m. in Washington D.C., early.",
        "The choice A-list actors make.",
        "Dr. B.B. King plays.",
        "Option E is not among the options.",
        "",
    ],
)
def test_capital_letter_in_plain_speech_gives_nothing_away(text: str) -> None:
    assert names_option(text, FOUR) == ""


def test_letters_give_nothing_away_where_there_are_no_options() -> None:
    row = example("1", options=(), answer_kind="yes_no", answer="yes")
    assert reason(render("He picks option B.", "So.", "yes"), row) == ""


# The stage


def four_rows(runtime: Runtime) -> Artifact:
    return rows_of(runtime, *(example(str(number), context="shipped") for number in (1, 2, 3, 4)))


def questions(server: Server) -> list[str]:
    return sorted(text[-2] for asked in server.asked for text in asked.text.splitlines() if "Which colour" in text)


def test_rows_are_rewritten_and_counted(runtime: Runtime, server: Server) -> None:
    def reply(asked: Asked) -> Answer:
        return completion(GOOD if "square 3" not in asked.text else render("A square.", "So.", "B"))

    server.reply = reply
    artifact = made(rewrite.fn(PARAMS, four_rows(runtime), runtime))
    folder, manifest = Store(runtime.store).folder(artifact), Store(runtime.store).manifest(artifact)
    assert [row.source_row for row in read_examples(folder)] == ["1", "2", "4"]
    assert [(row.source_row, row.reason) for row in read_rejects(folder)] == [("3", "answer_changed")]
    assert (manifest.rows.entered, manifest.rows.left, manifest.rows.rejected) == (4, 3, {"answer_changed": 1})
    assert (manifest.usage.calls, manifest.usage.hits, manifest.usage.input_tokens) == (4, 0, 44)


def test_server_that_cannot_be_reached_fails_the_stage_and_a_rerun_sends_only_the_rest(
    runtime: Runtime, server: Server
) -> None:
    rows = four_rows(runtime)
    up = server.reply
    server.reply = lambda asked: Answer(503, {}, {"Retry-After": "0"}) if "square 3" in asked.text else up(asked)
    with pytest.raises(NoAnswer, match=r"1 of 2 requests got no answer .*HTTP 503") as caught:
        rewrite.fn(PARAMS, rows, runtime)
    one_line(caught.value)
    assert [manifest.stage for manifest in Store(runtime.store).manifests()] == ["given_rows"]
    server.reply = up
    server.asked.clear()
    artifact = made(rewrite.fn(PARAMS, rows, runtime))
    assert questions(server) == ["3"]
    manifest = Store(runtime.store).manifest(artifact)
    assert (manifest.rows.entered, manifest.rows.left) == (4, 4)


def test_finished_shards_are_not_even_looked_up_again(runtime: Runtime, server: Server) -> None:
    rows = four_rows(runtime)
    up = server.reply
    server.reply = lambda asked: Answer(503, {}, {"Retry-After": "0"}) if "square 3" in asked.text else up(asked)
    with pytest.raises(NoAnswer):
        rewrite.fn(PARAMS, rows, runtime)
    Store(runtime.store).responses.unlink()
    server.reply = up
    server.asked.clear()
    rewrite.fn(PARAMS, rows, runtime)
    assert questions(server) == ["3", "4"]


def test_lost_artifact_is_made_again_from_the_response_log_with_the_same_bytes(
    runtime: Runtime, server: Server
) -> None:
    rows, store = four_rows(runtime), Store(runtime.store)
    artifact = made(rewrite.fn(PARAMS, rows, runtime))
    before = files_below(store.folder(artifact))
    store.discard(artifact)
    server.asked.clear()
    state = rewrite.fn(PARAMS, rows, runtime)
    after = files_below(store.folder(artifact))
    assert (made(state), how(state), server.asked) == (artifact, "Completed", [])
    assert {name: after[name] for name in after if name != "manifest.json"} == {
        name: before[name] for name in before if name != "manifest.json"
    }
    assert store.manifest(artifact).usage.hits == 4


def test_replay_without_a_recorded_answer_fails_the_stage(runtime: Runtime, server: Server) -> None:
    with pytest.raises(NoAnswer, match="missing: not in the response log"):
        rewrite.fn(PARAMS, four_rows(runtime), runtime.model_copy(update={"replay": True}))
    assert server.asked == []


def test_wrong_key_stops_the_run_and_rejects_no_row(runtime: Runtime, server: Server) -> None:
    rows, up = four_rows(runtime), server.reply
    server.reply = lambda _asked: Answer(401, {})
    with pytest.raises(UserError, match="OPENAI_API_KEY"):
        rewrite.fn(PARAMS, rows, runtime)
    server.reply = up
    manifest = Store(runtime.store).manifest(made(rewrite.fn(PARAMS, rows, runtime)))
    assert (manifest.rows.left, manifest.rows.rejected) == (4, {})


def test_too_many_rejects_stop_the_run_and_the_next_run_asks_again_for_what_failed(
    runtime: Runtime, server: Server
) -> None:
    rows, up = four_rows(runtime), server.reply
    params = PARAMS.model_copy(update={"max_reject_share": 0.2})
    server.reply = lambda asked: Answer(400, {}) if "square 2" in asked.text else up(asked)
    with pytest.raises(UserError, match=r"1 of 4 rows .*llm_rejected 1.*made/2, HTTP 400") as caught:
        rewrite.fn(params, rows, runtime)
    one_line(caught.value)
    assert [manifest.stage for manifest in Store(runtime.store).manifests()] == ["given_rows"]
    server.reply = up
    server.asked.clear()
    artifact = made(rewrite.fn(params, rows, runtime))
    assert questions(server) == ["2"]
    assert Store(runtime.store).manifest(artifact).rows.left == 4


def test_key_is_in_no_file_of_the_store(runtime: Runtime, server: Server) -> None:
    def reply(asked: Asked) -> Answer:
        return completion(GOOD) if "square 3" not in asked.text else Answer(400, {"error": {"message": KEY}})

    server.reply = reply
    rewrite.fn(PARAMS, four_rows(runtime), runtime)
    files = files_below(Path(runtime.store))
    assert server.asked[0].key == f"Bearer {KEY}" and any("responses" in name for name in files)
    assert [name for name, content in files.items() if KEY.encode() in content] == []
