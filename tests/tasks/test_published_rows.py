"""The readers on real rows, where this checkout has them, and on the made corpus with its faults."""

from pathlib import Path

import pytest
from dataset_folders import examples, folder_of, open_folder, read, sample

from corpus.make import CorpusParams, make_corpus
from media.probe import Unreadable, probe_all
from storage.folder import Folder

REAL = {
    "intent_train": ("emer_rewrite.json", "intenttrain_emer_rewrite.json", 100),
    "intentbench": ("qa.json", "intentbench.json", 10),
    "daily_omni": ("qa.json", "daily_omni.json", 12),
    "video_r1": ("Video-R1-COT-165k.json", "videor1_card.json", 1),
    "social_iq2": ("siq2/qa/qa_train.json", "socialiq2_qa_train.json", 12),
}
MADE = {
    "video_r1": "train/video_r1",
    "social_iq2": "train/social_iq2",
    "intent_train": "train/emer",
    "omni_instruct": "train/omni_instruct",
    "intentbench": "benchmarks/intentbench",
    "daily_omni": "benchmarks/daily_omni",
    "worldsense": "benchmarks/worldsense",
}
"""Readers and the folders that the corpus makes for them."""
FAULTS: dict[str, tuple[int, list[str]]] = {
    "video_r1": (0, ["undecodable"]),
    "social_iq2": (1, []),
    "intentbench": (0, ["undecodable"]),
}
"""Missing files of each source, and what is wrong with those that are there."""


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("corpus")
    make_corpus(root, CorpusParams(train_questions=24, benchmark_questions=24), workers=1)
    return root


@pytest.mark.parametrize("name", sorted(REAL))
def test_every_real_row_is_an_example(tmp_path: Path, name: str) -> None:
    file, kept, count = REAL[name]
    rows = examples(read(name, folder_of(tmp_path, {file: sample(kept)})))
    assert len(rows) == count == len({row.id for row in rows})
    assert all(row.media and row.group for row in rows)


def test_real_emer_rows_ship_context_and_reasoning(tmp_path: Path) -> None:
    content = sample("intenttrain_emer_rewrite.json")
    rows = examples(read("intent_train", folder_of(tmp_path, {"emer_rewrite.json": content})))
    assert all(row.context and row.think and len(row.options) == 6 for row in rows)
    assert {row.answer_kind for row in rows} == {"multi_choice"}
    assert len({row.group for row in rows}) == 100


@pytest.mark.parametrize("name", sorted(MADE))
def test_every_row_of_the_made_corpus_is_an_example(corpus: Path, tmp_path: Path, name: str) -> None:
    rows = examples(read(name, made(corpus, name, tmp_path)))
    assert len(rows) == len({row.id for row in rows}) > 0


@pytest.mark.parametrize("name", sorted(MADE))
def test_only_the_faulty_media_of_the_made_corpus_are_missing_or_unreadable(
    corpus: Path, tmp_path: Path, name: str
) -> None:
    folder = made(corpus, name, tmp_path)
    paths = {medium.path for row in examples(read(name, folder)) for medium in row.media}
    probes = probe_all([folder.local(path) for path in sorted(paths) if path in folder], 2, 30.0)
    bad = [probe.reason for probe in probes.values() if isinstance(probe, Unreadable)]
    assert (len([path for path in paths if path not in folder]), bad) == FAULTS.get(name, (0, []))


def test_silent_clip_of_the_made_corpus_has_no_sound(corpus: Path, tmp_path: Path) -> None:
    folder = made(corpus, "video_r1", tmp_path)
    clips = [row.media[0].path for row in examples(read("video_r1", folder)) if row.media[0].kind == "video"]
    probes = probe_all([folder.local(path) for path in clips], 2, 30.0).values()
    assert [probe.has_audio for probe in probes if not isinstance(probe, Unreadable)].count(False) == 1


def test_repeated_question_id_of_the_made_corpus_stays_two_examples(corpus: Path, tmp_path: Path) -> None:
    rows = examples(read("social_iq2", made(corpus, "social_iq2", tmp_path)))
    ids = [row.source_id for row in rows]
    (twice,) = {name for name in ids if ids.count(name) > 1}
    assert len({row.question for row in rows if row.source_id == twice}) == 2


def made(corpus: Path, name: str, work: Path) -> Folder:
    return open_folder(corpus / MADE[name], work / "store")
