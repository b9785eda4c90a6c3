"""A window on the store: what it holds, where that came from, whether it is whole, and what may go."""

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table
from rich.tree import Tree

from flows.terminal import NameArgument, StoreOption, find, open_store, out, say
from schemas.artifact import Manifest
from storage import garbage, lineage, names, verifying


def list_artifacts(store: StoreOption = Path("store")) -> None:
    """List the artifacts of the store, oldest first."""
    opened = open_store(store)
    called: dict[str, list[str]] = {}
    for name in names.every(opened):
        called.setdefault(name.artifact.fingerprint, []).append(str(name))
    table = Table("artifact", "kind", "rows", "rejected", "size", "finished", "names", box=None)
    for manifest in opened.manifests():
        table.add_row(*_line(manifest), ", ".join(called.get(manifest.fingerprint, [])))
    out.print(table)


def show(name: NameArgument, store: StoreOption = Path("store")) -> None:
    """Show an artifact's manifest: parameters, inputs, files, counts, environment."""
    opened = open_store(store)
    artifact = find(opened, name)
    say(opened.address(artifact))
    out.print_json(opened.manifest(artifact).model_dump_json())


def show_lineage(name: NameArgument, store: StoreOption = Path("store")) -> None:
    """Show what an artifact was made from, and what was made from it."""
    opened = open_store(store)
    artifact = find(opened, name)
    steps = list(lineage.ancestors(opened, artifact))
    trees = {0: Tree(_label(steps[0].manifest))}
    for step in steps[1:]:
        trees[step.depth] = trees[step.depth - 1].add(f"{escape(step.name)}: {_label(step.manifest)}")
    out.print(trees[0])
    for manifest in lineage.descendants(opened, artifact):
        out.print(f"made from it: {_label(manifest)}")


def verify(
    name: Annotated[str | None, typer.Argument(metavar="[NAME]", help="One artifact; all of them without it.")] = None,
    store: StoreOption = Path("store"),
) -> None:
    """Read every byte again and compare it with what was written."""
    opened = open_store(store)
    artifacts, faults = 0, 0
    for lines in verifying.verify(opened, find(opened, name) if name else None):
        artifacts, faults = artifacts + 1, faults + len(lines)
        for line in lines:
            say(line)
    out.print(f"{artifacts} artifacts verified, {faults} faults")
    if faults:
        out.print("rerun the recipe to have the faulty artifacts made again")
        raise typer.Exit(1)


def gc(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would go.")] = False,
    keep_days: Annotated[float, typer.Option(help="Keep what a run touched within so many days.")] = 7.0,
    store: StoreOption = Path("store"),
) -> None:
    """Remove artifacts that no name, no recent run and nothing kept needs, and media that only they need."""
    opened = open_store(store)
    found = garbage.find_garbage(opened, keep_days) if dry_run else garbage.collect(opened, keep_days)
    for artifact in found.artifacts:
        say(str(artifact))
    verb = "would go" if dry_run else "removed"
    out.print(
        f"{verb}: {len(found.artifacts)} artifacts ({_size(found.size)}), {len(found.drafts)} abandoned drafts, "
        f"{len(found.media)} media and what was made of them ({_size(found.media_size)})"
        + (f", {len(found.objects)} objects of {opened.name}" if found.objects else "")
    )


def _line(manifest: Manifest) -> tuple[str, ...]:
    rejected = sum(manifest.rows.rejected.values())
    return (
        str(manifest.artifact),
        manifest.kind,
        str(manifest.rows.left or ""),
        str(rejected or ""),
        _size(sum(file.size for file in manifest.files)),
        manifest.finished_at.replace("T", " ")[:16],
    )


def _label(manifest: Manifest) -> str:
    rows = f" ({manifest.rows.left} rows)" if manifest.rows.left else ""
    return escape(f"{manifest.artifact}{rows} {manifest.finished_at[:16]}")


def _size(size: int) -> str:
    amount = float(size)
    for unit in ("B", "kB", "MB", "GB"):
        if amount < 1000:
            return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= 1000
    return f"{amount:.1f} TB"
