"""One run of a recipe: what it submits, and how it ends."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from prefect import Task
from prefect.futures import PrefectFuture, wait

from schemas.artifact import Artifact
from schemas.recipe import Recipe
from schemas.runtime import Runtime

Future = PrefectFuture[Artifact]


@dataclass(frozen=True)
class Run:
    """A recipe, where it runs, and all that was submitted: the first fault can be told from what stumbled over it."""

    recipe: Recipe
    runtime: Runtime
    submitted: list[Future] = field(default_factory=list)

    def submit(
        self,
        stage: Task[..., Artifact],
        *arguments: object,
        runtime: Runtime | None = None,
        after: Iterable[Future] = (),
    ) -> Future:
        """Start a stage once its inputs are there, with the run's runtime unless it needs one of its own."""
        future = stage.submit(*arguments, runtime=runtime or self.runtime, wait_for=list(after))
        self.submitted.append(future)
        return future

    def settle(self, wanted: Iterable[Future]) -> list[Artifact]:
        """Wait for everything and return the artifacts of `wanted`. Raises what first went wrong."""
        wait(self.submitted)
        for future in self.submitted:
            if future.state.is_failed() or future.state.is_crashed():
                future.result()
        return [future.result() for future in wanted]
