"""What a recipe's evaluation tells its stages: each benchmark's protocol, each control, and no more than that."""

from flows.evaluating import asked_as, formats_of, predicted
from flows.run import Run
from recipes.reading import read_recipe
from schemas.llm import VideoInput
from schemas.protocols import OFFICIAL
from schemas.runtime import Runtime

MODEL = "evaluation.models=[{name: rules, title: Rules, provider: offline, model: rules-1}]"


def run(*changes: str) -> Run:
    return Run(read_recipe("demo", changes), Runtime(store="store"))


def test_default_asks_all_benchmarks_alike_in_the_format_of_training() -> None:
    for name, format in (("sft", "context_first"), ("direct", "direct"), ("model", "context_first")):
        params = predicted(run(), name, "full")
        assert (params.differently, params.generate.format, params.generate.wording) == ({}, format, None)
        assert params.generate.media == run().recipe.media
        assert params.generate.decoding == run().recipe.evaluation.decoding


def test_each_benchmark_is_asked_by_its_protocol() -> None:
    asked = run("evaluation.protocols={worldsense: official, daily_omni: humanomniv2}")
    params = predicted(asked, "sft", "full")
    assert params.differently.keys() == {"worldsense", "daily_omni"}
    assert params.differently["worldsense"].wording == OFFICIAL["worldsense"].wording
    assert params.differently["daily_omni"].media.max_frames == 32
    assert formats_of(asked, "sft") == {
        "intentbench": "context_first",
        "daily_omni": "context_first",
        "worldsense": "direct",
    }


def test_control_is_one_view_with_its_settings_and_the_rest_as_it_was() -> None:
    asked = run("evaluation.altering={seed: 4, shift_seconds: 0.5}")
    full, shifted = predicted(asked, "sft", "full").generate, predicted(asked, "sft", "shifted_audio").generate
    assert (shifted.view, shifted.altering.seed, shifted.altering.shift_seconds) == ("shifted_audio", 4, 0.5)
    assert shifted.model_copy(update={"view": "full", "altering": full.altering}) == full


def test_transcript_protocol_is_its_view_and_a_control_goes_before_it() -> None:
    asked = run("evaluation.protocol=transcript")
    assert predicted(asked, "sft", "full").generate.view == "transcript"
    assert predicted(asked, "sft", "full").generate.media.audio == "separate"
    assert predicted(asked, "sft", "blind").generate.view == "blind"


def test_language_model_gets_the_protocol_and_keeps_its_own_settings_where_it_says_nothing() -> None:
    asked = asked_as(
        run(MODEL, "evaluation.protocols={daily_omni: humanomniv2, worldsense: official}"), "rules", "full"
    )
    own, paper, official = (asked.asked[name] for name in ("intentbench", "daily_omni", "worldsense"))
    assert (own.llm.video, own.format, own.max_tokens) == (VideoInput(), "context_first", 48)
    assert (paper.llm.video, paper.max_tokens) == (VideoInput(fps=2.0, most_frames=32), 2048)
    assert (official.format, official.wording) == ("direct", OFFICIAL["worldsense"].wording)
