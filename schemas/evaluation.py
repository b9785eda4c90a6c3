"""The evaluation half of a recipe: benchmarks, who is measured on them and how, and what is compared."""

from collections.abc import Iterator
from typing import Literal, get_args

from pydantic import Field, field_validator, model_validator

from schemas.curation import Source, slug
from schemas.llm import Llm
from schemas.protocols import Chosen, Protocol, protocol_of
from schemas.training import Altering, Decoding, View
from schemas.values import Value


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


class Measured(Llm):
    """A language model that is measured beside the trained stages."""

    name: str
    title: str

    _name = field_validator("name")(slug)

    @property
    def llm(self) -> Llm:
        """The model alone."""
        return Llm(**self.model_dump(exclude={"name", "title"}))

    @property
    def views(self) -> tuple[View, ...]:
        """What it can be shown: files as they lie, and frames without the sound where its provider takes frames."""
        sent: tuple[View, ...] = ("full", "question_only", "shuffled_media")
        return sent if self.provider == "gemini" else (*sent, "transcript")


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


JudgedReward = Literal["context", "logic", "consistency"]
JUDGED_REWARDS: tuple[str, ...] = get_args(JudgedReward)
"""Rewards that only a judge can give."""


class Judged(Value):
    """What the judge says of the contexts and the reasoning written on benchmarks; on a sample, because it costs. Of
    `consistency`, whether the reasoning argues for the answer, it is asked only where no rule can tell.

    examples: questions of each benchmark, the same for every model, drawn by `seed`. stages: whose; where there are
    none, of all that are measured. Only what was written on unaltered media is judged.
    """

    rewards: tuple[JudgedReward, ...] = Field(default=("context", "logic"), min_length=1)
    examples: int = Field(default=200, ge=1)
    stages: tuple[str, ...] = ()
    seed: int = 0

    def of(self, stage: str) -> tuple[str, ...]:
        """The rewards that a stage is judged by."""
        return self.rewards if not self.stages or stage in self.stages else ()


class Minimum(Value):
    """What a stage has to reach on a benchmark, in percent, or the run fails, after its report is written.

    category: one of the official table's, where not all questions are meant; `by` names its field where two fields have
    one of that name. lower_bound: the lower end of the 95% interval has to reach it, and not only the mean.
    """

    stage: str
    benchmark: str
    category: str = ""
    by: str = ""
    at_least: float = Field(ge=0, le=100)
    lower_bound: bool = False


class Evaluation(Value):
    """Benchmarks, each of a dataset of its own, who is measured on them, and how.

    stages: besides trained stages, `model` is the start. models: language models behind a provider. altering: how far
    controls go. protocol: how benchmarks are asked, and `protocols` by benchmark. judged: how good contexts and
    reasoning are. minimums: below which the run fails.
    """

    benchmarks: tuple[Source, ...]
    families: dict[str, Families] = {}
    stages: tuple[str, ...]
    models: tuple[Measured, ...] = ()
    controls: tuple[Control, ...] = ()
    altering: Altering = Altering()
    protocol: Chosen = "trained"
    protocols: dict[str, Chosen] = {}
    comparisons: tuple[Against, ...] = ()
    probe: Probe | None = None
    decoding: Decoding
    batch_size: int = 32
    rows_per_shard: int = 128
    judged: Judged | None = None
    minimums: tuple[Minimum, ...] = ()
    examples_shown: int = 400

    @model_validator(mode="after")
    def _benchmarks_can_be_told_apart(self) -> "Evaluation":
        """A prediction names its row by an id, which begins with the dataset and not with the benchmark's name."""
        named: dict[str, str] = {}
        for item in self.benchmarks:
            if item.name != (other := named.setdefault(item.dataset, item.name)):
                raise ValueError(
                    f"evaluation.benchmarks reads {item.dataset!r} twice, as {other!r} and as {item.name!r}: keep one; "
                    "to measure in another folder or by another protocol, give that a recipe of its own, which "
                    "`extends` this one"
                )
        return self

    @model_validator(mode="after")
    def _benchmarks_have_protocols(self) -> "Evaluation":
        known = {item.name: item.dataset for item in self.benchmarks}
        if missing := sorted(self.protocols.keys() - known):
            raise ValueError(f"evaluation.protocols names benchmark {missing[0]!r}, which is none of {sorted(known)}")
        for name, dataset in known.items():
            protocol_of(self.protocols.get(name, self.protocol), dataset)
        return self

    @model_validator(mode="after")
    def _minimums_are_measured(self) -> "Evaluation":
        measured = sorted({name for name, view in self.measured() if view == "full"})
        benchmarks = [item.name for item in self.benchmarks]
        for minimum in self.minimums:
            if minimum.stage not in measured:
                raise ValueError(f"a minimum names stage {minimum.stage!r}, of which {measured} are measured")
            if minimum.benchmark not in benchmarks:
                raise ValueError(f"a minimum names benchmark {minimum.benchmark!r}, which is none of {benchmarks}")
        if self.judged and (missing := sorted(set(self.judged.stages) - set(measured))):
            raise ValueError(f"evaluation.judged names stage {missing[0]!r}, of which {measured} are measured")
        return self

    @model_validator(mode="after")
    def _models_can_be_asked(self) -> "Evaluation":
        for model in self.models:
            controls = {item.view: "a control" for item in self.controls if item.stage == model.name}
            protocols = {item.view: f"the protocol of {name}" for name, item in self.by_benchmark().items()}
            for view, asked_by in (controls | protocols).items():
                if view not in model.views:
                    known = ", ".join(model.views[1:])
                    raise ValueError(f"{asked_by} shows {model.name!r} {view!r}, and it can be shown {known} alone")
        if self.models and self.decoding.draws > 1:
            raise ValueError("evaluation.models answer once: set evaluation.decoding.draws to 1")
        return self

    def by_benchmark(self) -> dict[str, Protocol]:
        """The protocol of each benchmark, by its name."""
        return {
            item.name: protocol_of(self.protocols.get(item.name, self.protocol), item.dataset)
            for item in self.benchmarks
        }

    def measured(self) -> Iterator[tuple[str, View]]:
        """Every stage, language model and view to be measured on the benchmarks."""
        for name in (*self.stages, *(item.name for item in self.models)):
            yield name, "full"
        for control in self.controls:
            yield control.stage, control.view
