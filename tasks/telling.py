"""Lines for people: into the run's log, and to the terminal where there is no run."""

from prefect import get_run_logger
from prefect.exceptions import MissingContextError


def tell(line: str) -> None:
    try:
        get_run_logger().info(line)
    except MissingContextError:
        print(line, flush=True)
