"""Media that go to Gemini by its Files API: uploaded once, named again, and uploaded anew when they are gone."""

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from llm.providers import gemini, gemini_files
from llm.providers.gemini import connect
from llm.request import MediaPart
from llm.uploads import Upload, UploadTable
from schemas.values import UserError
from tests.llm.talking import KEY, Talk, ask, failed, question, talking
from tests.llm.vendors.faults import Behaviour, Faulted
from tests.llm.vendors.question import Question
from tests.training.clips import keep, write_picture, write_sound, write_video


@pytest.fixture
def talk(monkeypatch: pytest.MonkeyPatch) -> Iterator[Talk]:
    """A server to which every medium goes by upload."""
    monkeypatch.setattr(gemini, "INLINE_BYTES", 0)
    monkeypatch.setattr(gemini_files, "POLL_SECONDS", 0.0)
    with talking(monkeypatch, Behaviour(polls=2)) as talk:
        yield talk


def clip(folder: Path, red: int = 220, **cut: float) -> MediaPart:
    path = folder / f"{red}.mp4"
    path = path if path.exists() else write_video(path, (red, 30, 30), None, seconds=1.0)
    return MediaPart(kind="video", digest=keep(folder / "blobs", path, "video").digest, **cut)


def behave(talk: Talk, **changes: object) -> None:
    talk.vendors.desk.behaviour = talk.vendors.desk.behaviour.model_copy(update=changes)


def test_clip_goes_by_its_name_once_it_is_processed(talk: Talk, tmp_path: Path) -> None:
    part = clip(tmp_path, start=0.25)
    (reply,) = ask(tmp_path, question(part))
    (medium,) = talk.questions[0].media
    assert (reply.text, medium.digest, medium.mime, medium.file) == ("fine", part.digest, "video/mp4", "files/made-1")
    assert medium.video == {"startOffset": "0.250s", "fps": 1.0}


def test_small_media_stay_within_the_request_and_the_largest_goes_by_upload(
    talk: Talk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small, large = write_picture(tmp_path / "red.png", (220, 30, 30)), write_sound(tmp_path / "tone.wav", 900)
    monkeypatch.setattr(gemini, "INLINE_BYTES", small.stat().st_size + large.stat().st_size - 1)
    parts = [
        MediaPart(kind="audio", digest=keep(tmp_path / "blobs", large, "audio").digest),
        MediaPart(kind="image", digest=keep(tmp_path / "blobs", small, "image").digest),
    ]
    ask(tmp_path, question(*parts))
    assert [bool(medium.file) for medium in talk.questions[0].media] == [True, False]


def test_two_questions_about_a_clip_at_once_share_its_upload(talk: Talk, tmp_path: Path) -> None:
    ask(tmp_path, *(question(clip(tmp_path), max_tokens=number) for number in (8, 9, 10)))
    assert (len(talk.questions), talk.uploads) == (3, 1)


def test_next_process_names_the_same_upload(talk: Talk, tmp_path: Path) -> None:
    ask(tmp_path, question(clip(tmp_path)))
    ask(tmp_path, question(clip(tmp_path)))
    assert (len(talk.questions), talk.uploads) == (2, 1)


def test_cut_sound_is_uploaded_once_too(talk: Talk, tmp_path: Path) -> None:
    path = write_sound(tmp_path / "tone.wav", 900)
    part = MediaPart(kind="audio", digest=keep(tmp_path / "blobs", path, "audio").digest, start=0.2)
    ask(tmp_path, question(part))
    ask(tmp_path, question(part))
    assert talk.uploads == 1


def test_another_account_uploads_for_itself(talk: Talk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ask(tmp_path, question(clip(tmp_path)))
    monkeypatch.setenv("GEMINI_API_KEY", "another-account")
    ask(tmp_path, question(clip(tmp_path)))
    assert talk.uploads == 2


def test_upload_that_will_soon_expire_is_made_anew(talk: Talk, tmp_path: Path) -> None:
    behave(talk, lifetime=gemini_files.MARGIN - 60)
    ask(tmp_path, question(clip(tmp_path)))
    ask(tmp_path, question(clip(tmp_path)))
    assert talk.uploads == 2


def test_file_that_the_server_lost_is_uploaded_again_and_asked_about(talk: Talk, tmp_path: Path) -> None:
    ask(tmp_path, question(clip(tmp_path)))
    talk.vendors.files.expire()
    (reply,) = ask(tmp_path, question(clip(tmp_path)))
    assert (reply.text, talk.uploads) == ("fine", 2)


def test_server_that_loses_every_file_at_once_is_unavailable(talk: Talk, tmp_path: Path) -> None:
    def lose(question: Question) -> str:
        talk.questions.append(question)
        talk.vendors.files.expire()
        raise Faulted("gone")

    talk.vendors.desk.say = lose
    assert failed(tmp_path, question(clip(tmp_path))).failure == "unavailable"
    assert (len(talk.questions), talk.uploads) == (2, 2)


def test_key_without_permission_uploads_nothing_again(talk: Talk, tmp_path: Path) -> None:
    talk.fault = "gone"  # the same answer, though the server has the file
    with pytest.raises(UserError, match="403"):
        ask(tmp_path, question(clip(tmp_path)))
    assert (len(talk.questions), talk.uploads) == (1, 1)


def test_clip_that_the_server_cannot_process_is_rejected_and_forgotten(talk: Talk, tmp_path: Path) -> None:
    part = clip(tmp_path)
    talk.vendors.files.unreadable.add(part.digest)
    assert failed(tmp_path, question(part)).failure == "rejected"
    talk.vendors.files.unreadable.clear()
    (reply,) = ask(tmp_path, question(part))
    assert (reply.text, talk.uploads) == ("fine", 2)


def test_clip_that_is_never_processed_is_given_up(talk: Talk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    behave(talk, polls=10**9)
    monkeypatch.setattr(gemini_files, "_PROCESS_SECONDS", 0.2)
    assert failed(tmp_path, question(clip(tmp_path))).failure == "timeout"
    assert talk.questions == []


def test_call_that_is_given_up_leaves_its_upload_for_the_next_attempt(talk: Talk, tmp_path: Path) -> None:
    behave(talk, polls=10**9)
    asking = question(clip(tmp_path))

    async def twice() -> str:
        provider = connect(tmp_path / "state")
        try:
            first = asyncio.create_task(provider.send(asking, tmp_path / "blobs"))
            while not talk.uploads:  # noqa: ASYNC110 (the server is in another thread)
                await asyncio.sleep(0)
            first.cancel()
            second = asyncio.create_task(provider.send(asking, tmp_path / "blobs"))
            await asyncio.sleep(0)
            talk.vendors.files.stored("files/made-1", talk.vendors.desk.behaviour).polls = 0
            return (await second).text
        finally:
            await provider.close()

    assert asyncio.run(twice()) == "fine"
    assert talk.uploads == 1


# Room


def tone(folder: Path, hertz: int) -> MediaPart:
    """One of many files of the same size."""
    path = write_sound(folder / f"{hertz}.wav", hertz)
    return MediaPart(kind="audio", digest=keep(folder / "blobs", path, "audio").digest)


def make_room_for(talk: Talk, folder: Path, files: int) -> None:
    behave(talk, storage=files * (folder / "500.wav").stat().st_size + 10)


def test_full_storage_makes_room_by_what_was_not_used_for_longest(talk: Talk, tmp_path: Path) -> None:
    first, second, third = (tone(tmp_path, hertz) for hertz in (500, 600, 700))
    make_room_for(talk, tmp_path, files=2)
    for part in (first, second, first, third):
        ask(tmp_path, question(part))
    assert (talk.uploads, len(talk.vendors.files)) == (3, 2)
    ask(tmp_path, question(first))
    assert talk.uploads == 3


def test_file_in_use_makes_no_room(talk: Talk, tmp_path: Path) -> None:
    first, second = tone(tmp_path, 500), tone(tmp_path, 600)
    make_room_for(talk, tmp_path, files=1)
    ask(tmp_path, question(first))
    assert failed(tmp_path, question(first, second)).failure == "exhausted"
    assert (talk.uploads, len(talk.vendors.files)) == (1, 1)


def test_file_that_was_deleted_by_others_makes_no_room(talk: Talk, tmp_path: Path) -> None:
    ask(tmp_path, question(tone(tmp_path, 500)))
    talk.vendors.files.expire()
    behave(talk, storage=10)
    assert failed(tmp_path, question(tone(tmp_path, 600))).failure == "exhausted"


def test_storage_full_of_the_files_of_others_is_said_clearly(talk: Talk, tmp_path: Path) -> None:
    behave(talk, storage=10)
    error = failed(tmp_path, question(clip(tmp_path)))
    assert (error.failure, error.can_succeed_later) == ("exhausted", False)
    assert "file storage is full" in error.detail and KEY not in error.detail


# The table


def upload(name: str, digest: str = "d", **changes: object) -> Upload:
    values: dict[str, object] = {
        "uri": f"u/{name}",
        "mime": "m",
        "size": 3,
        "expires": time.time() + 100,
        "ready": True,
    }
    return Upload.model_validate({"name": name, "digest": digest} | values | changes)


@pytest.fixture
def table(tmp_path: Path) -> Iterator[UploadTable]:
    table = UploadTable(tmp_path / "uploads.sqlite", "one")
    yield table
    table.close()


def test_longest_lasting_upload_is_found(table: UploadTable) -> None:
    for name, left in (("a", 50), ("b", 90), ("c", 70)):
        table.keep(upload(name, expires=time.time() + left))
    found = table.find("d", "m", time.time() + 60)
    assert found and found.name == "b"
    assert table.find("d", "m", time.time() + 95) is None


def test_upload_that_is_not_ready_is_not_found_but_can_be_deleted(table: UploadTable) -> None:
    table.keep(upload("a", ready=False))
    assert table.find("d", "m", 0) is None
    assert [one.name for one in table.longest_unused()] == ["a"]


def test_use_puts_an_upload_last_in_line(table: UploadTable) -> None:
    for name in ("a", "b"):
        table.keep(upload(name, digest=name))
    table.find("a", "m", 0)
    assert [one.name for one in table.longest_unused()] == ["b", "a"]


def test_what_has_expired_leaves(table: UploadTable) -> None:
    table.keep(upload("a", expires=time.time() - 1))
    assert (table.find("d", "m", 0), table.longest_unused()) == (None, [])


def test_two_processes_share_the_table_and_two_accounts_do_not(table: UploadTable, tmp_path: Path) -> None:
    table.keep(upload("a"))
    other, stranger = (UploadTable(tmp_path / "uploads.sqlite", account) for account in ("one", "two"))
    assert other.find("d", "m", 0) == upload("a", expires=table.longest_unused()[0].expires)
    assert stranger.find("d", "m", 0) is None
    stranger.forget("a")
    assert table.find("d", "m", 0) is not None
    other.close()
    stranger.close()
