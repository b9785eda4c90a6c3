"""What `contextfirst check` does: a stage over the rows that the last curation rewrote, and its tables."""

from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from flows.run import Future, Run
from storage.store import Store
from tasks.check import FINDINGS, CheckParams, check
from tasks.checking.findings import Findings, Line, Specificity
from tasks.checking.rows import rewritten_by


def check_rows(run: Run) -> Future:
    """Try the recipe's judge, and count facts. Raises UserError where no curation has rewritten rows yet."""
    rewritten = rewritten_by(Store(run.runtime.store), run.recipe.name)
    params = CheckParams(judge=run.recipe.judge, writer=run.recipe.rewrite.llm, check=run.recipe.check)
    return run.submit(check, params, rewritten)


def read_findings(folder: Path) -> Findings:
    """The findings of the check in `folder`."""
    return Findings.model_validate_json((folder / FINDINGS).read_text(encoding="utf-8"))


def print_findings(out: Console, found: Findings) -> None:
    """Print how the judge held, line by line, and how many facts the contexts state."""
    judge, writer = (escape(f"{llm.provider} {llm.model}") for llm in (found.judge, found.writer))
    out.print(f"judge {judge}, paraphrases by {writer}; a judge that failed gave no score, and is counted apart\n")
    out.print(_judge_table(found.lines))
    out.print(f"{sum(line.passed for line in found.lines)} of {len(found.lines)} lines hold\n")
    out.print(_facts_table(found.specificity))
    out.print(
        f"{found.specificity.rows} contexts counted, {found.specificity.failed} failed; "
        f"{found.specificity.unfound} quotations not in their context, which count for nothing"
    )


def _judge_table(lines: tuple[Line, ...]) -> Table:
    table = Table("what the judge is given", "must be", "mean", "worst", "scored", "failed", "", box=None)
    for line in lines:
        bound = f"{line.must} {line.bound:g} ({line.judged_by})"
        verdict = "holds" if line.passed else "FAILS"
        counts = (str(line.scored), str(line.failed))
        table.add_row(escape(line.candidate), bound, _shown(line.mean), _shown(line.worst), *counts, verdict)
    return table


def _shown(score: float | None) -> str:
    return "no score" if score is None else f"{score:.2f}"


def _facts_table(found: Specificity) -> Table:
    table = Table(
        "facts a context", "mean", "least", "quartile", "median", "quartile", "most", "rows by facts", box=None
    )
    for kind, spread in found.spreads.items():
        ends = (spread.least, spread.lower_quartile, spread.median, spread.upper_quartile, spread.most)
        rows = ", ".join(f"{facts}: {count}" for facts, count in enumerate(spread.rows_by_facts) if count)
        table.add_row(kind, f"{spread.mean:.1f}", *(f"{end:g}" for end in ends), rows)
    return table
