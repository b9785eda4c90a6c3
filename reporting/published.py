"""Published figures to set beside ours: only those of which it is known how they were measured.

A figure says nothing without its protocol: one model moves by more than ten points between two scripts on Daily-Omni.
So whoever runs a baseline anew under their own protocol has the better comparison. Left out are tables whose prompts,
frames or decoding are not stated, as those of OmniVideo-R1 (arXiv 2602.05847) and most entries of leaderboards.
"""

from schemas.values import Value


class Published(Value):
    """One figure, in percent. benchmark: its dataset's name here. subset: of its questions; all where it is empty.

    n: questions. protocol: how it was measured. source: where it stands. doubt: why not to rest on it, empty where
    nothing is known against it.
    """

    benchmark: str
    model: str
    figure: float
    n: int
    protocol: str
    source: str
    subset: str = ""
    doubt: str = ""


_OMNI = "Qwen2.5-Omni-7B"
_PAPER = "HumanOmniV2, arXiv 2506.21277"
_ONE_SCRIPT = "VanillaSFT, arXiv 2608.13239, main table"
_GUIDE = "NeMo-RL v0.7, docs/guides/grpo-audio-visual.md"
_BOARD = "Daily-Omni's board, July 2026"

_TAGS = (
    "HumanOmniV2's script: context, think and answer tags, sound as a separate input, 2,048 tokens; an answer without "
    "a tag is scored by another item's text"
)
_SAME = "one script for all four models: 2 frames a second, 32 at most; 4 unreadable clips left out"
_SAME_MADE = "one script for all four models: 2 frames a second, 32 at most"
_LETTER = "the benchmark's script since 02/2026: a letter alone, greedy, 10 tokens"
_NEMO = "NeMo-RL's validation: 32 frames and the sound, think and answer tags"
_NOT_REPRODUCED = "an outsider could not reproduce it with the published script (issue 12 of its repository)"
_NO_SOUND = (
    "the benchmark's script before 02/2026, which passed the sound under a wrong name and put the text before the "
    "video; the mended one gives 62.07"
)
_AS_ON_THE_BOARD = "the benchmark's board has the same figure: whether the paper's script was run is not known"
_DROPPED = "22 questions were dropped"
_BARELY = "within one standard error (0.9) of the full recipe"


def _of_table(benchmark: str, table: str, n: int, figures: dict[str, float], **more: str) -> tuple[Published, ...]:
    return tuple(
        Published(benchmark=benchmark, model=model, figure=figure, n=n, source=f"{_PAPER}, {table}", **more)
        for model, figure in figures.items()
    )


def _of_one_script(
    benchmark: str, n: int, figures: tuple[float, float, float, float], protocol: str, subset: str = ""
) -> tuple[Published, ...]:
    models = (_OMNI, "HumanOmniV2", "Vanilla SFT, LoRA, 1 epoch", "Vanilla SFT, full, 2 epochs")
    return tuple(
        Published(
            benchmark=benchmark, model=model, figure=figure, n=n, protocol=protocol, source=_ONE_SCRIPT, subset=subset
        )
        for model, figure in zip(models, figures, strict=True)
    )


PUBLISHED: tuple[Published, ...] = (
    *_of_table("intentbench", "table 3", 2689, {_OMNI: 64.20}, protocol=_TAGS, doubt=_NOT_REPRODUCED),
    *_of_table("intentbench", "table 3", 2689, {"HumanOmniV2": 69.33}, protocol=_TAGS),
    *_of_table("intentbench", "table 3, ablations", 2689, {"HumanOmniV2, SFT alone": 62.03}, protocol=_TAGS),
    *_of_table(
        "intentbench",
        "table 3, ablations",
        2689,
        {"HumanOmniV2 without judged rewards": 68.44},
        protocol=_TAGS,
        doubt=_BARELY,
    ),
    *_of_table(
        "intentbench",
        "table 3",
        2689,
        {"GPT-4o": 59.98, "o1": 66.69},
        protocol="HumanOmniV2's questions; the sound as a transcript",
        doubt="the model did not hear: it read a transcript",
    ),
    *_of_one_script("intentbench", 2689, (64.58, 68.90, 70.60, 70.46), _SAME),
    *_of_one_script("intentbench", 2493, (67.83, 71.76, 73.75, 73.56), _SAME, "clean"),
    *_of_one_script("intentbench", 1895, (63.22, 66.91, 70.43, 69.02), _SAME, "hard"),
    *_of_table("daily_omni", "table 1", 1197, {_OMNI: 47.45}, protocol=_NO_SOUND, doubt="run without its sound"),
    *_of_table("daily_omni", "table 1", 1197, {"HumanOmniV2": 58.47}, protocol=_TAGS),
    *_of_one_script("daily_omni", 1197, (61.07, 58.40, 65.16, 62.07), _SAME_MADE),
    *(
        Published(benchmark="daily_omni", model=model, figure=figure, n=n, protocol=_LETTER, source=_BOARD, doubt=doubt)
        for model, figure, n, doubt in (
            (_OMNI, 62.07, 1197, ""),
            ("Qwen2.5-Omni-3B", 60.23, 1197, ""),
            (f"{_OMNI}, picture alone", 49.79, 1197, ""),
            ("Qwen3-Omni-30B-A3B-Instruct", 71.85, 1197, ""),
            ("Qwen3.5-Omni-Plus", 84.68, 1175, _DROPPED),
        )
    ),
    *(
        Published(benchmark="daily_omni", model=model, figure=figure, n=1197, protocol=_NEMO, source=_GUIDE)
        for model, figure in ((_OMNI, 49.8), (f"{_OMNI}, GRPO on IntentTrain", 59.0))
    ),
    *_of_table("worldsense", "table 2", 3172, {_OMNI: 45.4}, protocol=_TAGS, doubt=_AS_ON_THE_BOARD),
    *_of_table("worldsense", "table 2", 3172, {"HumanOmniV2": 47.1}, protocol=_TAGS),
    *_of_one_script("worldsense", 3172, (43.69, 47.26, 48.77, 46.72), _SAME_MADE),
)


def published(benchmark: str) -> tuple[Published, ...]:
    """The figures of a benchmark, by its dataset's name, best first within a subset; none where none is known."""
    found = [one for one in PUBLISHED if one.benchmark == benchmark]
    return tuple(sorted(found, key=lambda one: (one.subset, -one.figure)))
