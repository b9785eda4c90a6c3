"""A recipe: everything that decides a result, from sources to benchmarks, as one typed value.

Recipes are YAML files in recipes/; `contextfirst run RECIPE --set path.to.field=value` changes single fields. A list
of named things is addressed by name: `stages.sft.params.steps=100`.
"""

import re
from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from schemas.llm import Llm, LlmLimits
from schemas.takes import Take
from schemas.training import Decoding, GrpoParams, MediaSettings, SftParams, View
from schemas.values import Value

_SLUG = re.compile(r"[a-z0-9][a-z0-9_]*")
_HUB, _CORPUS = "hub:", "corpus:"
_REPOSITORY = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*", re.ASCII)


def _slug(name: str) -> str:
    if not _SLUG.fullmatch(name):
        raise ValueError(f"{name!r} must be lower-case letters, digits and underscores")
    return name


class Corpus(Value):
    """The small made corpus: sources may then lie in it, as `corpus:train/video_r1`."""

    seed: int = 0
    train_questions: int = 480
    benchmark_questions: int = 330


class Source(Value):
    """A dataset in its publisher's layout. take: `all`, `first:100`, `last:10%`, `random:50%`.

    folder: a folder of this machine; `corpus:train/video_r1`, in the made corpus; or `hub:owner/name`, a dataset of
    the Hugging Face hub. revision: on the hub `latest`, a branch, a tag or a commit, whose commit is then recorded; of
    a folder what you call its state. files: shell patterns of the files to take, such as `*.json`; all where there are
    none. unpack: list what is in zip and tar archives as if it were unpacked beside them. max_unpacked_gb: stop when
    more comes out of them.
    """

    name: str
    dataset: str
    folder: str
    revision: str = "local"
    files: tuple[str, ...] = ()
    unpack: bool = True
    max_unpacked_gb: float = 1000.0
    take: Take = "all"

    _name = field_validator("name")(_slug)

    @property
    def repository(self) -> str | None:
        """`owner/name` of a dataset of the hub, or None for a folder."""
        return self.folder.removeprefix(_HUB) if self.folder.startswith(_HUB) else None

    @property
    def in_corpus(self) -> str | None:
        """The folder inside the made corpus, or None for one elsewhere."""
        return self.folder.removeprefix(_CORPUS) if self.folder.startswith(_CORPUS) else None

    @model_validator(mode="after")
    def _hub_address(self) -> "Source":
        if self.repository is not None and not _REPOSITORY.fullmatch(self.repository):
            raise ValueError(f"folder {self.folder!r} is not `hub:owner/name`")
        if self.repository is not None and self.revision == "local":
            raise ValueError(f"{self.folder} needs a `revision`: `latest`, a branch, a tag or a commit")
        return self


class Model(Value):
    """The model to start from: a folder with a checkpoint, or the tiny random thinker made by a stage."""

    folder: str | None = None
    tiny_seed: int | None = None

    @model_validator(mode="after")
    def _one_of_both(self) -> "Model":
        if (self.folder is None) == (self.tiny_seed is None):
            raise ValueError("name either `folder` of a checkpoint or `tiny_seed`")
        return self


class Writer(Llm):
    """A language model that writes into rows: it rewrites them, or rates them. A shard is done or not done, as one."""

    rows_per_shard: int = Field(default=256, ge=1)

    @property
    def llm(self) -> Llm:
        """The model alone."""
        return Llm(**self.model_dump(exclude={"rows_per_shard"}))


class Balance(Value):
    """At most `cap` training rows for each value of `field`: a category, `source` or `answer_kind`.

    Rows without the category share the empty value.
    """

    field: str
    cap: int = Field(ge=1)


class Curation(Value):
    """Thresholds, splits and mixing; all cheap to change.

    min_quality: least composite rating. contamination: what to do with training rows that meet a benchmark, by video,
    by file, or by a question there that holds `ngram_share` of their 8-grams. near_duplicate: share of words in common
    from which two questions with one answer about one video are one; null keeps both. validation_share: of the videos.
    mix: by source, the rows to train on of those that are left: `{video_r1: "random:30%"}`; others are taken whole.
    balance: caps after the mix. max_reject_share: stop when more of a source is rejected while reading or rewriting.
    """

    min_quality: float = 0.0
    contamination: Literal["remove", "stop"] = "stop"
    ngram_share: float = Field(default=0.5, gt=0, le=1)
    near_duplicate: float | None = Field(default=0.95, gt=0, le=1)
    validation_share: float = 0.1
    mix: dict[str, Take] = {}
    balance: Balance | None = None
    max_reject_share: float = 0.2
    seed: int = 0


class Publishing(Value):
    """The dataset for others. media: named by digest, or `embedded` as bytes in columns of their own.

    rows_per_file: at most; embedded media make files hold fewer. creator, url, date: for citation and metadata; url
    and date (2026-01-31) are left out where they are empty.
    """

    media: Literal["referenced", "embedded"] = "referenced"
    rows_per_file: int = Field(default=20_000, ge=1)
    creator: str = "contextfirst"
    url: str = Field(default="", pattern=r"^(https?://\S+)?$")
    date: str = Field(default="", pattern=r"^(\d{4}-\d{2}-\d{2})?$")


class Check(Value):
    """How `contextfirst check` tries the judge of contexts, and on how many rows it counts facts.

    examples: clips that the judge is tried on. below: what a text that earns nothing must score less than. at_least:
    what a faithful one must reach. contexts: rows whose context is counted.
    """

    examples: int = Field(default=20, ge=2)
    below: float = Field(default=0.4, ge=0, le=1)
    at_least: float = Field(default=0.8, ge=0, le=1)
    contexts: int = Field(default=100, ge=1)
    seed: int = 0


class SolveRate(Value):
    """Before an RL stage: draws a question by the model it starts from, and the band of solve rates to keep."""

    draws: int = 8
    above: float = 0.0
    up_to: float = 0.75
    correct_from: float = Field(default=0.5, description="Least accuracy of a draw that counts as solved.")
    take: Take = "all"


class TrainingStage(Value):
    """One training run. init_from: `model` or an earlier stage. after: stages to let go first where room is short;
    it changes the order of work and nothing else."""

    name: str
    title: str
    init_from: str = "model"
    after: tuple[str, ...] = ()

    _name = field_validator("name")(_slug)


class SftStage(TrainingStage):
    kind: Literal["sft"]
    params: SftParams


class GrpoStage(TrainingStage):
    kind: Literal["grpo"]
    solve_rate: SolveRate = SolveRate()
    params: GrpoParams


Stage = Annotated[SftStage | GrpoStage, Field(discriminator="kind")]


class Families(Value):
    """How a benchmark's rows fall into families: by the values of one of its category fields."""

    field: str
    values: dict[str, str]


class Against(Value):
    """Two stages to compare on the same examples."""

    stage: str
    against: str


class Control(Value):
    """A model evaluated on altered media."""

    stage: str
    view: View


class Probe(Value):
    """Sampled completions on held-out prompts, scored by the rewards of an RL stage: the expected reward.

    rewards_of: the RL stage whose rewards and weights are used. stages: whom to measure; `before` is the one that the
    others are compared with. note: what the comparison can and cannot show.
    """

    rewards_of: str
    stages: tuple[str, ...]
    draws: int = 4
    prompts: int = 120
    seed: int = 1
    before: str
    note: str = ""


class Evaluation(Value):
    """Benchmarks, who is measured on them, and how. stages: besides trained stages, `model` is the start."""

    benchmarks: tuple[Source, ...]
    families: dict[str, Families] = {}
    stages: tuple[str, ...]
    controls: tuple[Control, ...] = ()
    comparisons: tuple[Against, ...] = ()
    probe: Probe | None = None
    decoding: Decoding
    batch_size: int = 32
    rows_per_shard: int = 128
    examples_shown: int = 20

    def measured(self) -> Iterator[tuple[str, View]]:
        """Every stage and view to be measured on the benchmarks."""
        for name in self.stages:
            yield name, "full"
        for control in self.controls:
            yield control.stage, control.view


class Recipe(Value):
    """The whole description. Every name that one part uses must be defined by another."""

    name: str
    title: str
    description: str
    notices: tuple[str, ...] = Field(default=(), description="What a reader of the results must know first.")
    corpus: Corpus | None = None
    model: Model
    sources: tuple[Source, ...]
    removals: str | None = Field(default=None, description="File with ids of rows that no stage may use, one a line.")
    rewrite: Writer
    rate: Writer
    curation: Curation = Curation()
    publishing: Publishing = Publishing()
    media: MediaSettings
    stages: tuple[Stage, ...]
    evaluation: Evaluation
    judge: Llm
    check: Check = Check()
    llm: LlmLimits = LlmLimits()

    _name = field_validator("name")(_slug)

    @model_validator(mode="after")
    def _names_are_known(self) -> "Recipe":
        known = {"model"}
        for stage in self.stages:
            if missing := {stage.init_from, *stage.after} - known:
                raise ValueError(f"stage {stage.name} names {missing.pop()!r}, which is none of {sorted(known)}")
            if stage.name in known:
                raise ValueError(f"two stages are called {stage.name!r}")
            known.add(stage.name)
        measured = set(self.evaluation.stages)
        for user in (*self.evaluation.controls, *self.evaluation.comparisons):
            names = {user.stage, user.against} if isinstance(user, Against) else {user.stage}
            if missing := sorted(names - measured):
                raise ValueError(f"evaluation compares stage {missing[0]!r}, which is not in evaluation.stages")
        asked = set(measured)
        if probe := self.evaluation.probe:
            asked |= {*probe.stages, probe.rewards_of, probe.before}
            if probe.rewards_of not in {stage.name for stage in self.stages if stage.kind == "grpo"}:
                raise ValueError(f"evaluation.probe.rewards_of {probe.rewards_of!r} is no GRPO stage")
        if missing := sorted(asked - known):
            raise ValueError(f"evaluation names stage {missing[0]!r}, which is none of {sorted(known)}")
        own = {source.name for source in self.sources}
        if missing := sorted(self.curation.mix.keys() - own):
            raise ValueError(f"curation.mix names source {missing[0]!r}, which is none of {sorted(own)}")
        for sources in (self.sources, self.evaluation.benchmarks):
            if len({source.name for source in sources}) != len(sources):
                raise ValueError("two sources have one name")
            if not self.corpus and any(source.in_corpus is not None for source in sources):
                raise ValueError("a source lies in `corpus:`, but the recipe makes no corpus")
        return self

    def stage(self, name: str) -> SftStage | GrpoStage:
        return next(stage for stage in self.stages if stage.name == name)
