"""Subtitle files as plain lines: nothing said is lost, nothing is made up, and a file that is no text is a fault."""

from pathlib import Path

import pytest
from dataset_folders import folder_of

from tasks.reading.row import BadRow
from tasks.reading.subtitles import plain_subtitles, read_subtitles

CUE = "1\n00:00:01,000 --> 00:00:02,000\nGo hé 你\n"


def srt(*cues: str) -> str:
    return "".join(f"{n}\n00:00:{n:02},000 --> 00:00:{n:02},900\n{cue}\n\n" for n, cue in enumerate(cues, 1))


def vtt(*cues: str) -> str:
    return "WEBVTT\n\n" + "".join(f"00:{n:02}.000 --> 00:{n + 1:02}.000\n{cue}\n\n" for n, cue in enumerate(cues))


def test_rolling_captions_are_said_once() -> None:
    text = """WEBVTT
Kind: captions

NOTE made by hand

00:00:00.030 --> 00:00:01.500 align:start position:0%

hello<00:00:00.450><c> there</c>

00:00:01.500 --> 00:00:01.510
hello there

0:00:01.510 --> 0:00:03.000
hello there
<c.colorE5E5E5>general &amp; all</c>

0:00:03.000 --> 0:00:04.000
general &amp; all
yes
"""
    assert plain_subtitles(text) == "hello there\ngeneral & all\nyes"


def test_subrip_loses_numbers_times_and_fonts() -> None:
    text = (
        '\ufeff1\r\n00:00:00,000 --> 00:00:02,500\r\n<font color="white">It\'s 5 < 6</font>\r\n'
        "{\\an8}Up\r\n\r\n2\r\n00:00:03,000 --> 00:00:04,000\r\n42\r\n"
    )
    assert plain_subtitles(text) == "It's 5 < 6\nUp\n42"


@pytest.mark.parametrize("text", ["", "WEBVTT\n", "no times here\n\nat all", "\x00"])
def test_text_without_cues_is_no_subtitles(text: str) -> None:
    assert plain_subtitles(text) == ""


def test_what_speakers_repeat_is_said_again() -> None:
    assert plain_subtitles(srt("- No.\n- No.", "Yes.", "No.", "No.")) == "- No.\n- No.\nYes.\nNo.\nNo."
    assert plain_subtitles(vtt("- No.\n- No.", "Yes.", "- No.")) == "- No.\n- No.\nYes.\n- No."


def test_only_what_scrolled_up_from_the_cue_before_is_a_repeat() -> None:
    assert plain_subtitles(vtt("a\nb", "b\nc", "c", "c\nc", "a")) == "a\nb\nc\nc\na"


@pytest.mark.parametrize("said", ["if x < 3 and y > 2", "I <3 you > all", "a <- b -> c"])
def test_signs_that_are_no_tags_stay(said: str) -> None:
    assert plain_subtitles(srt(said)) == plain_subtitles(vtt(said)) == said


@pytest.mark.parametrize("said", ["<i>Go</i>", "<v Fred>Go", "<00:19.000>Go", "<c.yellow.bg>Go</c>", "{\\an8}Go"])
def test_tags_are_taken_off(said: str) -> None:
    assert plain_subtitles(srt(said)) == plain_subtitles(vtt(said)) == "Go"


@pytest.mark.parametrize("said", [" \nGo", "Up\n \nGo", "Up\n\nGo", "\nUp\n\n\nGo"])
def test_empty_line_does_not_end_a_cue(said: str) -> None:
    lines = said.split()
    assert plain_subtitles(srt(said, "End")).split("\n") == [*lines, "End"]
    assert plain_subtitles(vtt(said, "End")).split("\n") == [*lines, "End"]


def test_names_and_comments_between_cues_are_not_said() -> None:
    text = vtt("Go") + "NOTE\nby hand\n\nSTYLE\n::cue {}\n\nlast words\n00:09.000 --> 00:10.000\nNOTE this\n"
    assert plain_subtitles(text) == "Go\nNOTE this"


def test_subrip_has_no_comments() -> None:
    assert plain_subtitles(srt("Up\n\nNOTE the door")) == "Up\nNOTE the door"


def test_missing_file_is_no_subtitles(tmp_path: Path) -> None:
    assert read_subtitles(folder_of(tmp_path, {"b.srt": CUE}), "a.srt") == ""


@pytest.mark.parametrize("codec", ["utf-8", "utf-8-sig", "utf-16"])
def test_codec_is_told_from_the_first_bytes(tmp_path: Path, codec: str) -> None:
    assert read_subtitles(folder_of(tmp_path, {"a.srt": CUE.encode(codec)}), "a.srt") == "Go hé 你"


def test_codec_with_the_other_order_of_bytes_is_read(tmp_path: Path) -> None:
    content = ("\ufeff" + CUE).encode("utf-16-be")
    assert read_subtitles(folder_of(tmp_path, {"a.srt": content}), "a.srt") == "Go hé 你"


@pytest.mark.parametrize(
    "content", ["é".encode("latin-1"), CUE.encode("utf-16-le"), CUE.encode("utf-32"), CUE.encode("utf-16")[:-1]]
)
def test_file_in_another_codec_is_a_fault_and_no_text(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(BadRow, match=r"a\.srt") as caught:
        read_subtitles(folder_of(tmp_path, {"a.srt": content}), "a.srt")
    assert caught.value.reason == "unreadable_subtitles"
