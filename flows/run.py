"""One run of a recipe: what it submits, and how it ends."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from prefect import Task
from prefect.client.schemas.objects import State, TaskRun
from prefect.futures import PrefectFuture, wait
from prefect.runtime import deployment

from flows.leaving import ending_soon
from flows.settings import runtime as runtime_here
from schemas.artifact import Artifact
from schemas.failures import NoAnswer
from schemas.recipe import Recipe
from schemas.runtime import Runtime

Future = PrefectFuture[Artifact]


@dataclass(frozen=True)
class Run:
    """A recipe, where it runs, and all that was submitted: the first fault can be told from what stumbled over it."""

    recipe: Recipe
    runtime: Runtime
    deployed: bool = False
    """Whether a deployment started it, so that nobody watches."""
    submitted: list[Future] = field(default_factory=list)

    def submit(
        self,
        stage: Task[..., Artifact],
        *arguments: object,
        of: str = "",
        runtime: Runtime | None = None,
        after: Iterable[Future] = (),
    ) -> Future:
        """Start a stage once its inputs are there, with the run's runtime unless it needs one of its own.

        of: which source or model it is about; with the stage's name it names the task run.
        """
        chosen = patient(stage) if self.deployed else stage
        named = chosen.with_options(task_run_name=f"{stage.name} {of}".rstrip())
        future = named.submit(*arguments, runtime=runtime or self.runtime, wait_for=list(after))
        self.submitted.append(future)
        return future

    def settle(self, wanted: Iterable[Future]) -> list[Artifact]:
        """Wait for everything and return the artifacts of `wanted`. Raises what first went wrong."""
        with ending_soon():
            wait(self.submitted)
        for future in self.submitted:
            if future.state.is_failed() or future.state.is_crashed():
                future.result()
        return [future.result() for future in wanted]


def run_of(recipe: Recipe, rehash: bool) -> Run:
    """A run on this machine as its environment says. Called by a flow, once: Prefect's server is asked whose it is."""
    return Run(recipe, runtime_here(recipe.llm, rehash), deployed=deployment.id is not None)


_ASK_AGAIN_SECONDS = [60.0, 600.0]


def patient(stage: Task[..., Artifact]) -> Task[..., Artifact]:
    """The stage as a deployment runs it: a language model that did not answer is asked again. At a terminal a person
    decides about it."""
    if stage.retries:
        return stage
    return stage.with_options(
        retries=len(_ASK_AGAIN_SECONDS), retry_delay_seconds=_ASK_AGAIN_SECONDS, retry_condition_fn=_had_no_answer
    )


def _had_no_answer(_task: object, _task_run: TaskRun, state: State) -> bool:
    """Nothing that was answered is asked for again: answers are in the log, and finished shards in the draft."""
    return isinstance(state.data, NoAnswer)
