"""The plan of the corpus: counts, balance, independence of the senses, and disjoint parts."""

from collections import Counter

import pytest

from corpus.families import CATEGORIES, FAMILIES, INTENTBENCH_TYPES
from corpus.plan import Clip, CorpusPlan, plan_corpus
from corpus.quirks import EXTRAS, QUIRKS
from corpus.shares import apportion
from corpus.templates import TEMPLATES, gold, letters

EXTRA_TRAINING = 5
EXTRA_BENCHMARK = 1


@pytest.fixture(scope="module")
def plan() -> CorpusPlan:
    return plan_corpus(seed=0, train_questions=420, benchmark_questions=330)


def _clips(part: dict[str, tuple[Clip, ...]]) -> list[Clip]:
    return [clip for clips in part.values() for clip in clips]


def _questions(part: dict[str, tuple[Clip, ...]]) -> int:
    return sum(len(clip.asks) for clip in _clips(part))


@pytest.mark.parametrize("questions", [12, 24, 61, 420])
def test_faulty_rows_come_on_top_of_the_questions_asked_for(questions: int) -> None:
    made = plan_corpus(seed=3, train_questions=questions, benchmark_questions=questions)
    assert _questions(made.train) == questions + EXTRA_TRAINING
    assert _questions(made.benchmarks) == questions + EXTRA_BENCHMARK
    assert len(made.train) == 4 and len(made.benchmarks) == 3
    assert all(made.train.values()) and all(made.benchmarks.values())


def test_each_family_has_a_hundred_evaluation_questions_without_the_faulty_ones(plan: CorpusPlan) -> None:
    whole = [clip for clip in _clips(plan.benchmarks) if clip.fault == "none"]
    families = Counter(TEMPLATES[ask.name].family for clip in whole for ask in clip.asks)
    assert families == {"picture": 110, "sound": 110, "joint": 110}


def test_gold_answers_are_balanced_in_every_template_of_every_source(plan: CorpusPlan) -> None:
    answers: dict[tuple[str, str], Counter[str]] = {}
    for clip in _clips(plan.train) + _clips(plan.benchmarks):
        for ask in clip.asks:
            if ask.name not in ("mood", "judge") and clip.fault == "none":
                word = gold(ask.name, clip.scene)[0]
                answers.setdefault((clip.source, ask.name), Counter())[word] += 1
    assert all(max(counts.values()) - min(counts.values()) <= 1 for counts in answers.values())


def test_neither_sense_alone_answers_a_joint_question(plan: CorpusPlan) -> None:
    scenes = [clip.scene for clip in _clips(plan.train) if clip.scene.kind == "switch"]
    first_is_high = sum(scene.pitches[0] == "high" for scene in scenes) / len(scenes)
    assert 0.35 < first_is_high < 0.65
    assert all(scene.colours[0] != scene.colours[1] for scene in scenes)
    switches = [scene.switch for scene in scenes if scene.switch is not None]
    assert min(switches) < 0.75 and max(switches) > 1.25


def test_training_and_benchmarks_share_no_video_and_no_scene(plan: CorpusPlan) -> None:
    train, benchmarks = _clips(plan.train), _clips(plan.benchmarks)
    assert not {clip.video_id for clip in train} & {clip.video_id for clip in benchmarks}
    assert not {clip.scene.nuisance for clip in train} & {clip.scene.nuisance for clip in benchmarks}
    ids = [clip.video_id for clip in train + benchmarks]
    assert len(set(ids)) == len(ids)


def test_questions_of_one_clip_do_not_contradict_each_other(plan: CorpusPlan) -> None:
    for clip in _clips(plan.train) + _clips(plan.benchmarks):
        used = [attribute for ask in clip.asks for attribute in TEMPLATES[ask.name].uses]
        assert len(set(used)) == len(used)


def test_wordings_are_too_short_for_an_eight_gram() -> None:
    assert all(len(text.split()) < 8 for template in TEMPLATES.values() for text in template.wordings)


def test_a_middle_tone_leaves_one_mood(plan: CorpusPlan) -> None:
    moods = [(clip.scene, letters("mood", clip.scene)) for clip in plan.train["emer"]]
    assert all(("," in answer) == (scene.pitches != ("middle",)) for scene, answer in moods)
    assert {len(answer.split(",")) for _, answer in moods} == {1, 2}


def test_every_category_names_the_family_of_its_questions() -> None:
    for name, category in INTENTBENCH_TYPES.items():
        assert FAMILIES["intentbench"][category] == TEMPLATES[name].family
    for benchmark, categories in CATEGORIES.items():
        assert all(FAMILIES[benchmark][category] == family for family, category in categories.items())


def test_every_extra_fault_is_documented() -> None:
    assert set(EXTRAS) <= {quirk.place.split("/")[1] for quirk in QUIRKS}


def test_apportioned_counts_sum_to_the_total_and_spare_nobody() -> None:
    assert apportion(10, {"a": 50, "b": 30, "c": 20}) == {"a": 5, "b": 3, "c": 2}
    assert sum(apportion(7, {"a": 1, "b": 1, "c": 1}).values()) == 7
    assert min(apportion(3, {"a": 1000, "b": 1, "c": 1}).values()) == 1
