"""A recipe: everything that decides a result, from sources to benchmarks, as one typed value.

Recipes are YAML files in recipes/; `contextfirst run RECIPE --set path.to.field=value` changes single fields. A list
of named things is addressed by name: `stages.sft.params.steps=100`.
"""

from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from schemas.curation import Check, Corpus, Curation, Model, Publishing, Source, Writer, slug
from schemas.evaluation import Against, Evaluation
from schemas.llm import Llm, LlmLimits
from schemas.takes import Take
from schemas.training import GrpoParams, MediaSettings, SftParams
from schemas.values import Value


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

    _name = field_validator("name")(slug)


class SftStage(TrainingStage):
    kind: Literal["sft"]
    params: SftParams


class GrpoStage(TrainingStage):
    """held_out: the benchmark that `evaluate_every` draws from; the validation split of the data where it is empty.

    What is chosen by a benchmark's figures is no longer measured by them: take one that is not reported, or none.
    """

    kind: Literal["grpo"]
    solve_rate: SolveRate = SolveRate()
    held_out: str = ""
    params: GrpoParams


Stage = Annotated[SftStage | GrpoStage, Field(discriminator="kind")]


_TAKEN = ("curated", "dataset", "report", "check")
"""What runs give names to beside the checkpoints of stages."""


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

    _name = field_validator("name")(slug)

    @model_validator(mode="after")
    def _names_are_known(self) -> "Recipe":
        known = {"model"}
        for stage in self.stages:
            if missing := {stage.init_from, *stage.after} - known:
                raise ValueError(f"stage {stage.name} names {missing.pop()!r}, which is none of {sorted(known)}")
            if stage.name in known:
                raise ValueError(f"two stages are called {stage.name!r}")
            if stage.name in _TAKEN:
                raise ValueError(f"a stage is called {stage.name!r}, as something else is that every run makes")
            known.add(stage.name)
        models = [item.name for item in self.evaluation.models]
        if repeated := sorted(name for name in models if name in known or models.count(name) > 1):
            raise ValueError(f"evaluation.models: two stages or models are called {repeated[0]!r}")
        measured = {*self.evaluation.stages, *models}
        for user in (*self.evaluation.controls, *self.evaluation.comparisons):
            names = {user.stage, user.against} if isinstance(user, Against) else {user.stage}
            if missing := sorted(names - measured):
                raise ValueError(f"evaluation compares {missing[0]!r}, which is not in evaluation.stages or models")
        asked = set(self.evaluation.stages)
        if probe := self.evaluation.probe:
            asked |= {*probe.stages, probe.rewards_of, probe.before}
            if probe.rewards_of not in {stage.name for stage in self.stages if stage.kind == "grpo"}:
                raise ValueError(f"evaluation.probe.rewards_of {probe.rewards_of!r} is no GRPO stage")
        if missing := sorted(asked - known):
            raise ValueError(f"evaluation names stage {missing[0]!r}, which is none of {sorted(known)}")
        held_out = {stage.held_out for stage in self.stages if stage.kind == "grpo" and stage.held_out}
        benchmarks = {source.name for source in self.evaluation.benchmarks}
        if missing := sorted(held_out - benchmarks):
            raise ValueError(f"held_out {missing[0]!r} is none of evaluation.benchmarks {sorted(benchmarks)}")
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
