"""Language models behind a provider as models to be measured: what they are sent, and what their replies become."""

import random
import re
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest

from llm.log import BATCH
from llm.providers import gemini_batch, gemini_files
from schemas.artifact import Artifact
from schemas.example import Example, Media
from schemas.failures import NoAnswer
from schemas.llm import Llm, LlmLimits
from schemas.protocols import OFFICIAL
from schemas.runtime import Runtime
from schemas.training import Altering, View, Wording
from schemas.values import UserError
from storage.parquet import read_rows
from storage.store import Store
from tasks.answer import AnswerParams, Asked, answer
from tests.llm.vendors.clients import SESSION
from tests.llm.vendors.faults import Behaviour, Faulted
from tests.llm.vendors.question import Question
from tests.llm.vendors.server import Vendors, serving
from tests.stages import example, files_below, made, one_line, rows_of
from tests.tasks.answering_worker import answer_rows
from tests.training.clips import keep, write_sound, write_video
from training.prompts import SYSTEM, question_text
from training.views import NO_SUBTITLES

ROOT = Path(__file__).resolve().parents[2]
ROWS = 200
pytestmark = pytest.mark.filterwarnings(SESSION)


def point(patch: pytest.MonkeyPatch, vendors: Vendors) -> None:
    patch.setenv("OPENAI_API_KEY", "key")
    patch.setenv("GEMINI_API_KEY", "key")
    patch.setenv("OPENAI_BASE_URL", vendors.openai)
    patch.setenv("GEMINI_BASE_URL", vendors.gemini)


@pytest.fixture
def runtime(tmp_path: Path) -> Runtime:
    return Runtime(store=str(tmp_path / "store"), llm=LlmLimits(concurrency=4, deadline=5, attempts=1, patience=0))


@pytest.fixture
def clip(runtime: Runtime, tmp_path: Path) -> Media:
    path = write_video(tmp_path / "red.mp4", (220, 30, 30), 400, seconds=0.5)
    return keep(Store(runtime.store).blobs, path, "video", has_audio=True)


def ask(
    runtime: Runtime,
    *rows: Example,
    provider: str = "openai",
    view: View = "full",
    wording: Wording | None = None,
) -> Artifact:
    return ask_all(runtime, {"bench": rows}, provider, view, wording)


def ask_all(
    runtime: Runtime,
    benchmarks: Mapping[str, Sequence[Example]],
    provider: str = "openai",
    view: View = "full",
    wording: Wording | None = None,
) -> Artifact:
    how = Asked(
        llm=Llm(provider=provider, model="m"),
        format="context_first",
        wording=wording,
        view=view,
        altering=Altering(),
        max_tokens=32,
    )
    params = AnswerParams(asked=dict.fromkeys(benchmarks, how), rows_per_shard=2)
    examples = {name: rows_of(runtime, *rows) for name, rows in benchmarks.items()}
    return made(answer.fn(params, examples, runtime))


def table(runtime: Runtime, artifact: Artifact) -> list[dict[str, object]]:
    return list(read_rows(Store(runtime.store).folder(artifact), "predictions"))


def hearing(asked: list[Question]) -> Callable[[Question], str]:
    def say(question: Question) -> str:
        asked.append(question)
        return "<answer>A</answer>"

    return say


@pytest.mark.parametrize("provider", ["openai", "gemini"])
def test_every_row_is_asked_once_in_the_words_that_our_own_models_get(
    provider: str, runtime: Runtime, clip: Media, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Question] = []
    rows = [example(str(number), media=(clip,), answer="B") for number in range(5)]
    with serving(Behaviour(), hearing(asked)) as vendors:
        point(monkeypatch, vendors)
        found = table(runtime, ask(runtime, *rows, provider=provider))
    assert [row["id"] for row in found] == [row.id for row in rows]
    assert {(row["text"], row["truncated"], row["load_error"]) for row in found} == {
        ("<answer>A</answer>", False, None)
    }
    assert {question.text for question in asked} == {question_text(row) for row in rows}
    assert {question.system for question in asked} == {SYSTEM["context_first"]}
    assert all(question.media for question in asked)
    assert [row["prompt"] for row in found] == [f"{SYSTEM['context_first']}\n\n{question_text(row)}" for row in rows]


def test_gold_answer_is_in_no_request(runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Question] = []
    with serving(Behaviour(), hearing(asked)) as vendors:
        point(monkeypatch, vendors)
        ask(runtime, example("1", answer_kind="free_text", options=(), answer="zebra", description="a zebra"))
    assert len(asked) == 1 and "zebra" not in str(asked[0].body)


def test_official_wording_is_sent_with_its_own_system_turn_or_none(
    runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Question] = []
    with serving(Behaviour(), hearing(asked)) as vendors:
        point(monkeypatch, vendors)
        ask(runtime, example("1"), wording=OFFICIAL["mlvu"].wording)
        ask(runtime, example("1"), wording=OFFICIAL["daily_omni"].wording)
    assert asked[0].system.startswith("Look at the whole video") and asked[0].text.endswith("Best option: (")
    assert "(A) red\n(B) blue" in asked[0].text
    assert asked[1].system == "" and "Choices:\nA. red\nB. blue" in asked[1].text and "A or B" in asked[1].text


def test_replies_are_what_they_are(
    runtime: Runtime, clip: Media, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"broken" * 99)
    bad = keep(Store(runtime.store).blobs, broken, "video", has_audio=True)
    rows = [
        example("good", media=(clip,)),
        example("refused", question="Refuse?"),
        example("cut", question="Cut?"),
        example("broken", media=(bad,)),
        example("gone", media=(clip.model_copy(update={"digest": "", "path": "gone.mp4"}),)),
    ]

    def say(question: Question) -> str:
        if "Refuse" in question.text:
            raise Faulted("blocked")
        if "Cut" in question.text:
            raise Faulted("length")
        return "<answer>A</answer>"

    with serving(Behaviour(), say) as vendors:
        point(monkeypatch, vendors)
        artifact = ask(runtime, *rows)
    good, refused, cut, unreadable, gone = table(runtime, artifact)
    assert (good["text"], good["refusal"], good["load_error"]) == ("<answer>A</answer>", None, None)
    assert (refused["text"], bool(refused["refusal"]), refused["load_error"]) == ("", True, None)
    assert (bool(cut["text"]), cut["truncated"], cut["load_error"]) == (True, True, None)
    assert (unreadable["text"], bool(unreadable["load_error"])) == ("", True)
    assert gone["load_error"] == "gone.mp4 is not in the folder"
    assert Store(runtime.store).manifest(artifact).notes["load_errors"] == 2


def test_outage_is_no_prediction_and_a_rerun_asks_for_the_rest(
    runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Question] = []
    down = {"now": True}

    def say(question: Question) -> str:
        if down["now"] and "square 3" in question.text:
            raise Faulted("unavailable")
        asked.append(question)
        return "<answer>A</answer>"

    rows = [example(str(number)) for number in range(6)]
    with serving(Behaviour(), say) as vendors:
        point(monkeypatch, vendors)
        with pytest.raises(NoAnswer):
            ask(runtime, *rows)
        assert not list(Path(runtime.store).glob("answer/*/manifest.json"))
        down["now"] = False
        found = table(runtime, ask(runtime, *rows))
    assert len(found) == 6 and all(row["text"] for row in found)
    assert sorted(question.text for question in asked) == sorted(question_text(row) for row in rows)


def test_quota_that_is_used_up_within_a_job_stops_the_run_and_a_rerun_asks_for_the_rest(
    runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Question] = []
    used_up = {"now": True}

    def say(question: Question) -> str:
        if used_up["now"] and "square 3" in question.text:
            raise Faulted("quota")
        asked.append(question)
        return "<answer>A</answer>"

    monkeypatch.setattr(gemini_batch, "POLL_SECONDS", 0.0)
    monkeypatch.setattr(gemini_files, "POLL_SECONDS", 0.0)
    batching = runtime.model_copy(update={"llm": runtime.llm.model_copy(update={"batch": True})})
    rows = [example(str(number)) for number in range(4)]
    with serving(Behaviour(), say) as vendors:
        point(monkeypatch, vendors)
        with pytest.raises(UserError, match=r"quota for today is used up .*; what was answered is kept") as error:
            ask(batching, *rows, provider="gemini")
        one_line(error.value)
        assert not list(Path(runtime.store).glob("answer/*/manifest.json"))
        used_up["now"] = False
        found = table(runtime, ask(batching, *rows, provider="gemini"))
        assert vendors.batches.created == 3
    assert [row["text"] for row in found] == ["<answer>A</answer>"] * 4
    assert sorted(question.text for question in asked) == sorted(question_text(row) for row in rows)


def test_server_that_takes_nothing_is_a_mistake_and_no_table_of_load_errors(
    runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    def say(question: Question) -> str:
        raise Faulted("bad_request")

    with serving(Behaviour(), say) as vendors:
        point(monkeypatch, vendors)
        with pytest.raises(UserError) as error:
            ask(runtime, example("1"), example("2"))
    assert one_line(error.value).startswith("the provider took none of 2 requests of bench (HTTP 400)")


def test_server_that_takes_nothing_of_one_benchmark_is_a_mistake_beside_another(
    runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    def say(question: Question) -> str:
        if "Odd" in question.text:
            raise Faulted("bad_request")
        return "<answer>A</answer>"

    odd = [example(f"odd {n}", question=f"Odd {n}?") for n in range(3)]
    with serving(Behaviour(), say) as vendors:
        point(monkeypatch, vendors)
        with pytest.raises(UserError, match=r"took none of 3 requests of odd \(HTTP 400\)"):
            ask_all(runtime, {"even": [example("1"), example("2")], "odd": odd})
        artifact = ask_all(runtime, {"both": [example("1"), *odd]})
    assert [bool(row["load_error"]) for row in table(runtime, artifact)] == [False, True, True, True]


def test_benchmark_of_which_no_file_is_there_is_a_mistake(
    runtime: Runtime, clip: Media, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = clip.model_copy(update={"digest": "", "path": "gone.mp4"})
    lost = [example("1", media=(gone,)), example("2", media=(gone,))]
    asked: list[Question] = []
    with serving(Behaviour(), hearing(asked)) as vendors:
        point(monkeypatch, vendors)
        with pytest.raises(UserError, match=r"not one of 2 rows of lost can be shown .*gone\.mp4 is not in the folder"):
            ask_all(runtime, {"found": [example("3")], "lost": lost})
        assert not asked
        found = table(runtime, ask_all(runtime, {"bare": lost}, view="transcript"))
    assert [row["load_error"] for row in found] == [NO_SUBTITLES] * 2 and not asked


def test_controls_of_a_language_model_change_what_it_is_sent(
    runtime: Runtime, clip: Media, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Question] = []
    tone = keep(Store(runtime.store).blobs, write_sound(tmp_path / "tone.wav", 900), "audio", has_audio=True)
    other = keep(Store(runtime.store).blobs, write_sound(tmp_path / "other.wav", 300), "audio", has_audio=True)
    rows = [example("1", media=(tone,)), example("2", media=(other,)), example("3", media=(tone, clip))]
    with serving(Behaviour(), hearing(asked)) as vendors:
        point(monkeypatch, vendors)
        ask(runtime, *rows)
        full = {question.text: [medium.digest for medium in question.media] for question in asked}
        asked.clear()
        ask(runtime, *rows, view="question_only")
        assert [question.media for question in asked] == [()] * 3
        asked.clear()
        found = table(runtime, ask(runtime, *rows, view="shuffled_media"))
    swapped = {question.text: [medium.digest for medium in question.media] for question in asked}
    one, two, three = (question_text(row) for row in rows)
    assert swapped == {one: full[two], two: full[one]}
    assert found[2]["load_error"] and three not in swapped


def test_transcript_of_a_row_without_subtitles_is_asked_of_nobody(
    runtime: Runtime, clip: Media, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Question] = []
    rows = [example("1", media=(clip,)), example("2", subtitles="Hello.")]
    with serving(Behaviour(), hearing(asked)) as vendors:
        point(monkeypatch, vendors)
        artifact = ask(runtime, *rows, view="transcript")
    assert [row["load_error"] for row in table(runtime, artifact)] == [NO_SUBTITLES, None]
    assert Store(runtime.store).manifest(artifact).notes["without_subtitles"] == 1
    assert len(asked) == 1 and "Hello." in asked[0].text


def test_transcript_is_sent_with_the_frames_and_without_the_sound(
    runtime: Runtime, clip: Media, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Question] = []
    row = example("1", media=(clip,), subtitles="Hello.")
    with serving(Behaviour(), hearing(asked)) as vendors:
        point(monkeypatch, vendors)
        ask(runtime, row)
        ask(runtime, row, view="transcript")
        with pytest.raises(UserError, match="gemini is sent clips whole"):
            ask(runtime, row, view="transcript", provider="gemini")
    full, read = ([medium.mime.partition("/")[0] for medium in question.media] for question in asked)
    assert "audio" in full and read == [kind for kind in full if kind != "audio"] and "image" in read
    assert "Hello." in asked[1].text and "Hello." not in asked[0].text


def say_letter(question: Question) -> str:
    found = re.search(r"square (\d+)", question.text)
    assert found
    if int(found[1]) % 9 == 0:
        raise Faulted("blocked")
    return "A" if int(found[1]) % 2 else "B"


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    with serving(Behaviour(latency=0.01), say_letter) as vendors, pytest.MonkeyPatch.context() as patch:
        point(patch, vendors)
        return tables(Path(answer_rows(str(tmp_path_factory.mktemp("store")), ROWS, "openai")))


def tables(folder: Path) -> dict[str, bytes]:
    return {name: content for name, content in files_below(folder).items() if name.endswith(".parquet")}


def logged(store: Path) -> int:
    with sqlite3.connect(store / "llm" / "responses.sqlite") as connection:
        return connection.execute("SELECT count(*) FROM responses").fetchone()[0]


@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(1, 8))])
def test_killed_run_pays_for_nothing_twice_and_ends_with_the_same_bytes(
    seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, undisturbed: dict[str, bytes]
) -> None:
    moment = random.Random(seed).randrange(1, ROWS // 2)
    with serving(Behaviour(latency=0.05, seed=seed), say_letter) as vendors:
        point(monkeypatch, vendors)
        command = [sys.executable, "-m", "tests.tasks.answering_worker", str(tmp_path), str(ROWS), "openai"]
        worker = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while vendors.counters.asked.total() < moment and worker.poll() is None:
            time.sleep(0.002)
        worker.send_signal(signal.SIGKILL)
        worker.wait()
        kept, before = logged(tmp_path), vendors.counters.asked.total()
        found = tables(Path(answer_rows(str(tmp_path), ROWS, "openai")))
        asked = vendors.counters.asked.total() - before
    assert kept < ROWS and asked == ROWS - kept, "what the log holds is not asked for again"
    assert before - kept <= BATCH + 32, "one batch, and what was on its way when the process died"
    assert found == undisturbed
