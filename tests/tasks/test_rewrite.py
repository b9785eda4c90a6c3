"""Rewriting: what breaks a rule is refused with its reason, and nothing that was answered is asked for again."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from llm.prompts.rewrite import CONTEXT_WORDS, THINK_WORDS, request
from llm.request import MediaPart, Outcome, ProviderError, Request
from schemas.artifact import Artifact
from schemas.completion import render
from schemas.example import Example, Media, Option, Provenance
from schemas.failures import NoAnswer
from schemas.llm import Llm, LlmLimits, VideoInput
from schemas.runtime import Runtime
from schemas.values import UserError
from storage.parquet import read_examples, read_rejects
from storage.store import Store
from tasks.rewrite import RewriteParams, accepted, rewrite
from tasks.rewriting import form
from tasks.rewriting.reasons import CALLS, RULES, Fault
from tests.llm.scripted import scripted_jobs
from tests.llm.server import Answer, Asked, Server, completion, serving
from tests.stages import example, files_below, how, made, one_line, rows_of

KEY = "sk-test-0123456789abcdef"
WRITER = Llm(provider="openai", model="m")
PARAMS = RewriteParams(llm=WRITER, rows_per_shard=2, max_reject_share=1.0)
GOOD = render("A red square moves to the left.", "The square that moves is red.", "A")
CHANGED = render("A red square moves to the left.", "The square that moves is red.", "B")


@pytest.fixture
def runtime(tmp_path: Path) -> Runtime:
    return Runtime(store=str(tmp_path / "store"))


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    with serving(lambda _asked: completion(GOOD)) as running:
        monkeypatch.setenv("OPENAI_BASE_URL", running.address)
        monkeypatch.setenv("OPENAI_API_KEY", KEY)
        yield running


def impatient(runtime: Runtime) -> Runtime:
    """Gives a server up at once that answers nothing."""
    return runtime.model_copy(update={"llm": LlmLimits(patience=0, attempts=2)})


def answered(text: str | None, **changes: object) -> Outcome:
    return Outcome.model_validate({"identity": "0", "text": text, "request_id": "r-1"} | changes)


def test_rewrite_that_keeps_the_rules_is_taken_with_its_provenance() -> None:
    before = Provenance(field="context", provider="publisher", model="", prompt="", request="")
    kept = Provenance(field="answer", provider="publisher", model="", prompt="", request="")
    row = accepted(example("1", context="old", provenance=(before, kept)), answered(GOOD), WRITER)
    assert isinstance(row, Example)
    assert render(row.context, row.think, row.answer) == GOOD
    assert row.provenance == (
        kept,
        Provenance(field="context", provider="openai", model="m", prompt="rewrite@2", request="r-1"),
        Provenance(field="think", provider="openai", model="m", prompt="rewrite@2", request="r-1"),
    )


def test_mended_rewrite_says_so_in_its_provenance() -> None:
    row = accepted(example("1"), answered(GOOD), WRITER, mended=Fault("markup", "a heading", "# Red"))
    assert isinstance(row, Example)
    assert {made.prompt for made in row.provenance} == {"rewrite@2 repair"}


def test_emphasis_marks_do_not_reach_the_row() -> None:
    reply = render("A **red** square moves to the left.", "The square that moves is *clearly* **red**.", "A")
    row = accepted(example("1"), answered(reply), WRITER)
    assert isinstance(row, Example)
    assert (row.context, row.think) == ("A red square moves to the left.", "The square that moves is clearly red.")


def test_request_asks_as_the_writer_is_to_be_asked() -> None:
    llm = WRITER.model_copy(update={"temperature": 0.7, "thinking": 512, "video": VideoInput(how="file")})
    clip = Media(kind="video", digest="ab" * 32, path="clip.mp4", start=1.0, end=2.5)
    asked = request(example("1", media=(clip,)), llm)
    assert asked.media == (MediaPart(kind="video", digest=clip.digest, start=1.0, end=2.5),)
    assert (asked.provider, asked.model, asked.temperature) == ("openai", "m", 0.7)
    assert (asked.thinking, asked.video, asked.reply) == (512, llm.video, None)


def test_asked_lengths_lie_within_the_accepted_ones() -> None:
    for asked, taken in ((CONTEXT_WORDS, form.CONTEXT_WORDS), (THINK_WORDS, form.THINK_WORDS)):
        assert taken[0] <= asked[0] < asked[1] <= taken[1]


# The stage


def four_rows(runtime: Runtime) -> Artifact:
    return rows_of(runtime, *(example(str(number), context="shipped") for number in (1, 2, 3, 4)))


def questions(server: Server) -> list[str]:
    return sorted(text[-2] for asked in server.asked for text in asked.text.splitlines() if "Which colour" in text)


def mending(first: Answer, second: Answer) -> Callable[[Asked], Answer]:
    """`first` in answer to row 3 and `second` when asked to mend it; a good reply to all else."""

    def reply(asked: Asked) -> Answer:
        if "square 3" not in asked.text:
            return completion(GOOD)
        return second if "Your earlier reply broke a rule" in asked.text else first

    return reply


def test_rows_are_rewritten_and_counted(runtime: Runtime, server: Server) -> None:
    server.reply = mending(completion(CHANGED), completion(CHANGED))
    artifact = made(rewrite.fn(PARAMS, four_rows(runtime), runtime))
    folder, manifest = Store(runtime.store).folder(artifact), Store(runtime.store).manifest(artifact)
    assert [row.source_row for row in read_examples(folder)] == ["1", "2", "4"]
    assert [(row.source_row, row.reason) for row in read_rejects(folder)] == [("3", "answer_changed")]
    assert (manifest.rows.entered, manifest.rows.left, manifest.rows.rejected) == (4, 3, {"answer_changed": 1})
    assert (manifest.usage.calls, manifest.usage.hits, manifest.usage.input_tokens) == (5, 0, 55)


def test_reply_that_broke_a_rule_is_shown_to_its_writer_once_and_taken_when_mended(
    runtime: Runtime, server: Server
) -> None:
    server.reply = mending(completion(CHANGED), completion(GOOD))
    folder = Store(runtime.store).folder(made(rewrite.fn(PARAMS, four_rows(runtime), runtime)))
    rows = {row.source_row: row for row in read_examples(folder)}
    assert len(rows) == 4 and not list(read_rejects(folder))
    repairs = [row for row, made_row in rows.items() if made_row.provenance[0].prompt == "rewrite@2 repair"]
    assert repairs == ["3"]
    (asked,) = [asked for asked in server.asked if "Your earlier reply broke a rule" in asked.text]
    assert CHANGED in asked.text and RULES["answer_changed"] in asked.text and "'B' instead of 'A'" in asked.text


def test_second_fault_is_the_reason_of_the_reject_and_the_first_is_told(runtime: Runtime, server: Server) -> None:
    server.reply = mending(completion(CHANGED), completion("no blocks"))
    folder = Store(runtime.store).folder(made(rewrite.fn(PARAMS, four_rows(runtime), runtime)))
    (reject,) = read_rejects(folder)
    assert (reject.reason, reject.row) == ("malformed", "no blocks")
    assert reject.detail == "no context block; asked again after answer_changed"
    assert len(server.asked) == 5


def test_reply_that_was_cut_off_is_asked_for_again_but_shorter(runtime: Runtime, server: Server) -> None:
    server.reply = mending(completion("<context>A red sq", finish="length"), completion(GOOD))
    artifact = made(rewrite.fn(PARAMS, four_rows(runtime), runtime))
    assert Store(runtime.store).manifest(artifact).rows.left == 4
    (asked,) = [asked for asked in server.asked if "Your earlier reply broke a rule" in asked.text]
    assert "<context>A red sq" in asked.text and CALLS["llm_truncated"] in asked.text


def test_refusal_of_the_provider_is_not_argued_with(runtime: Runtime, server: Server) -> None:
    server.reply = mending(completion("", finish="content_filter"), completion(GOOD))
    folder = Store(runtime.store).folder(made(rewrite.fn(PARAMS, four_rows(runtime), runtime)))
    (reject,) = read_rejects(folder)
    assert (reject.source_row, reject.reason, len(server.asked)) == ("3", "llm_refused", 4)
    assert reject.detail and "asked again" not in reject.detail


def test_server_that_fails_at_the_repair_fails_the_stage_and_rejects_nothing(runtime: Runtime, server: Server) -> None:
    server.reply = mending(completion(CHANGED), Answer(503, {}, {"Retry-After": "0"}))
    rows = four_rows(runtime)
    with pytest.raises(NoAnswer):
        rewrite.fn(PARAMS, rows, impatient(runtime))
    server.reply = mending(completion(CHANGED), completion(GOOD))
    server.asked.clear()
    artifact = made(rewrite.fn(PARAMS, rows, runtime))
    assert questions(server) == ["3"]
    assert Store(runtime.store).manifest(artifact).rows.left == 4


def test_who_writes_and_how_it_is_asked_reach_the_server_and_the_fingerprint(runtime: Runtime, server: Server) -> None:
    warm = PARAMS.model_copy(update={"llm": WRITER.model_copy(update={"temperature": 0.5})})
    rows = four_rows(runtime)
    first, second = (made(rewrite.fn(params, rows, runtime)) for params in (PARAMS, warm))
    assert first.fingerprint != second.fingerprint
    assert {asked.body["temperature"] for asked in server.asked} == {0.0, 0.5}


def test_overlap_of_emotion_words_is_kept_with_the_row(runtime: Runtime, server: Server) -> None:
    moods = tuple(
        Option(label=label, text=text) for label, text in zip("ABC", ("Happy", "Sad", "Worried"), strict=True)
    )
    row = example("1", options=moods, answer_kind="multi_choice", answer="A,C")
    server.reply = lambda _asked: completion(
        render("A happy woman smiles.", "The woman smiles at first, then looks worried.", "A,C")
    )
    folder = Store(runtime.store).folder(made(rewrite.fn(PARAMS, rows_of(runtime, row), runtime)))
    (read,) = read_examples(folder)
    assert [(score.name, score.value) for score in read.ratings] == [("emotion_overlap", 0.5)]


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
        rewrite.fn(PARAMS, four_rows(runtime), runtime.model_copy(update={"llm": LlmLimits(replay=True)}))
    assert server.asked == []


def test_wrong_key_stops_the_run_and_rejects_no_row(runtime: Runtime, server: Server) -> None:
    rows, up = four_rows(runtime), server.reply
    server.reply = lambda _asked: Answer(401, {})
    with pytest.raises(UserError, match="OPENAI_API_KEY"):
        rewrite.fn(PARAMS, rows, runtime)
    server.reply = up
    manifest = Store(runtime.store).manifest(made(rewrite.fn(PARAMS, rows, runtime)))
    assert (manifest.rows.left, manifest.rows.rejected) == (4, {})


def test_quota_that_is_used_up_within_a_job_stops_the_run_and_rejects_no_row(
    runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    def say(request: Request) -> str:
        if "square 3" in request.fields["question"]:
            raise ProviderError("exhausted", "the quota for today is used up")
        return GOOD

    rows = four_rows(runtime)
    params = PARAMS.model_copy(update={"llm": Llm(provider="scripted", model="m")})
    batching = runtime.model_copy(update={"llm": LlmLimits(batch=True)})
    scripted_jobs(monkeypatch, say)
    with pytest.raises(UserError, match="the quota for today is used up; what was answered is kept") as caught:
        rewrite.fn(params, rows, batching)
    one_line(caught.value)
    provider = scripted_jobs(monkeypatch, lambda _request: GOOD)
    manifest = Store(runtime.store).manifest(made(rewrite.fn(params, rows, batching)))
    assert (manifest.rows.left, manifest.rows.rejected) == (4, {})
    assert (provider.sent, [len(job) for job in provider.jobs]) == ([], [1])


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
