"""`contextfirst doctor`: is everything here that a run needs, and what to do about what is not.

It changes nothing. Exit code 0 when a run can begin, 1 when something is broken.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from flows.checkup import machine
from flows.checkup.asked import hub, recipe_itself
from flows.checkup.finding import Finding, Findings
from flows.checkup.keeping import store as look_at_store
from flows.checkup.packages import packages, python
from flows.checkup.providers import providers
from flows.settings import RESPONSES
from flows.terminal import JsonOption, SetOption, StoreOption, out, say, write_json
from recipes.reading import read_recipe
from schemas.recipe import Recipe

_SIGNS = {"ok": "ok", "note": "note", "broken": "BROKEN"}


def doctor(
    recipe: Annotated[
        str, typer.Argument(metavar="RECIPE", help="Also look at what this recipe needs: its models and datasets.")
    ] = "",
    changes: SetOption = [],
    store: StoreOption = Path("store"),
    json: JsonOption = None,
) -> None:
    """Look whether everything is here that a run needs, and say what to do about what is not."""
    asked = read_recipe(recipe, changes) if recipe else None
    found = Findings(findings=tuple(_look(asked, store)))
    _show(found)
    write_json(json, found)
    if not found.usable:
        raise typer.Exit(1)


def _look(recipe: Recipe | None, store: Path) -> Iterator[Finding]:
    """What takes seconds goes on in the background while the rest is looked at."""
    with machine.asked() as asked:
        yield python()
        yield from packages()
        yield from look_at_store(store, os.environ.get(RESPONSES, ""))
        if recipe is not None:
            yield recipe_itself(recipe)
            yield from providers(recipe)
            yield from hub(recipe)
        yield machine.decoders(asked.decoders)
        yield from machine.device(asked.torch)
        yield from machine.prefect(asked.prefect)


def _show(found: Findings) -> None:
    table = Table("", "what", "", "found", box=None)
    part = ""
    for finding in found.findings:
        style = {"note": "yellow", "broken": "bold red"}.get(finding.verdict, "")
        table.add_row(
            finding.part if finding.part != part else "",
            escape(finding.name),
            f"[{style}]{_SIGNS[finding.verdict]}[/]" if style else _SIGNS[finding.verdict],
            escape(finding.said),
        )
        part = finding.part
    out.print(table)
    for finding in found.findings:
        if finding.mend:
            sign = _SIGNS[finding.verdict]
            text = f"{sign}: {finding.part}, {finding.name}: {finding.mend}"
            say(text)
    broken = sum(finding.verdict == "broken" for finding in found.findings)
    out.print(f"{broken} broken" if broken else "ready", highlight=False)
