"""`contextfirst llm`: what the response log knows."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from flows.terminal import StoreOption
from llm.statistics import Statistics, statistics
from schemas.values import UserError
from storage.origin import local_folder

app = typer.Typer(help="Look into the response log.", no_args_is_help=True, rich_markup_mode=None)


@app.command()
def stats(
    store: StoreOption = Path("store"),
    log: Annotated[
        Path | None,
        typer.Option(
            "--log", envvar="CONTEXTFIRST_RESPONSES", help="Folder of this host's log, where it is not in the store."
        ),
    ] = None,
) -> None:
    """Show calls, hits, failures by kind, tokens, cost and latency, by model and prompt."""
    place = (log or local_folder(store) / "llm") / "responses.sqlite"
    if not place.exists():
        raise UserError(
            f"there is no response log at {place}: run a recipe first, or name another with --store or --log"
        )
    table = Table(
        "model",
        "prompt",
        "calls",
        "hits",
        "failures",
        "tokens in",
        "tokens out",
        "cost",
        "latency s (50, 95, 99%)",
        box=None,
    )
    for line in statistics(place):
        table.add_row(*_cells(line))
    Console(width=None).print(table)


def _cells(line: Statistics) -> list[str]:
    failures = ", ".join(f"{kind} {number}" for kind, number in line.failures.items())
    cost = f"${line.dollars:.4f}" + (f" + {line.unpriced} calls without a price" if line.unpriced else "")
    latency = ", ".join(f"{seconds:.2f}" for seconds in line.latency) if line.latency else ""
    return [
        f"{line.provider} {line.model}",
        line.prompt,
        str(line.calls),
        str(line.hits),
        failures,
        str(line.input_tokens),
        str(line.output_tokens),
        cost,
        latency,
    ]
