"""The oddities of published data that the made corpus keeps, each with the place that holds it.

Rows of `EXTRAS` come on top of the counts that were asked for; the others are how the publisher writes every
row.
"""

from typing import Literal, NamedTuple

from corpus.templates import Name

Fault = Literal["none", "silent", "missing", "undecodable", "repeated_id"]


class Quirk(NamedTuple):
    name: str
    place: str
    note: str


QUIRKS = (
    Quirk("silent clip", "train/video_r1", "one mp4 has no audio track"),
    Quirk("undecodable file", "train/video_r1", "one .mp4 holds random bytes"),
    Quirk("missing file", "train/social_iq2", "one video of qa_train.json is not there, as when it left YouTube"),
    Quirk("repeated question id", "train/social_iq2", "one qid stands at two different questions of one video"),
    Quirk("JSON Lines named .json", "train/social_iq2", "qa/qa_train.json holds one object a line"),
    Quirk("video id with a leading dash", "train/social_iq2", "one in ten ids; also in benchmarks"),
    Quirk("missing transcript", "train/social_iq2", "one video in seven has no .vtt"),
    Quirk("rolling captions", "train/social_iq2", "lines repeat, inline tags <00:00:00.450><c> remain"),
    Quirk("multi-letter answer", "train/emer", 'answers such as "A,F"; also in benchmarks/intentbench'),
    Quirk("answer as text", "train/omni_instruct", "the option's text, media inline in the Parquet file"),
    Quirk("numerical rows without options", "train/video_r1", "options is an empty list"),
    Quirk("option without a space", "benchmarks/intentbench", 'every Socialiq option reads "A.red"'),
    Quirk("no options key", "benchmarks/intentbench", "MDPE rows: judge questions, keys with spaces"),
    Quirk("undecodable file", "benchmarks/intentbench", "one MDPE video holds random bytes: a load error"),
    Quirk("keys come and go", "benchmarks/daily_omni", "content_* is absent, a sentinel or a category"),
    Quirk("three candidates", "benchmarks/worldsense", "pitch questions"),
    Quirk("some subtitles", "benchmarks/worldsense", "every second video has an .srt"),
)


class Extra(NamedTuple):
    """One clip with a fault, and the questions asked of it."""

    fault: Fault
    questions: tuple[Name, ...]


EXTRAS: dict[str, tuple[Extra, ...]] = {
    "video_r1": (Extra("silent", ("colour",)), Extra("undecodable", ("direction",))),
    "social_iq2": (Extra("missing", ("count",)), Extra("repeated_id", ("colour", "direction"))),
    "intentbench": (Extra("undecodable", ("judge",)),),
}
