"""Every line of the two tables of disagreement in docs/evaluation.md is true, of their rule and of ours."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from schemas.example import Option
from schemas.options import given
from tasks.reading.row import Row
from tasks.scoring.marks import Reading, mark
from tasks.scoring.metrics import METRICS
from tests.training.rewards.test_published_rules import exact, labels, pointed, relative, substring, words
from training.rewards.accuracy import agreement

PAGE = (Path(__file__).resolve().parents[2] / "docs/evaluation.md").read_text(encoding="utf-8")
OPTIONS = tuple(Option(label=label, text=text) for label, text in zip("ABC", ("red", "blue", "green"), strict=True))
RULES: dict[str, Callable[[str, str], float]] = {
    "choice": exact,
    "multi_choice": labels,
    "yes_no": substring,
    "number": pointed,
    "regression": relative,
    "ocr": words,
}


def table(heading: str) -> list[list[str]]:
    """Rows of the table whose first cell is `heading`, without its head."""
    lines = PAGE[PAGE.index(f"| {heading} |") :].split("\n\n")[0].splitlines()[2:]
    return [[cell.strip().strip("`") for cell in line.strip("|").split(" | ")] for line in lines]


def first_capital(text: str) -> str:
    found = re.search("[ABCD]", text)
    return found[0] if found else "none"


def lowest_capital(text: str) -> str:
    return next((label for label in "ABCD" if label in text), "A")


def lone_letters(text: str) -> str:
    tagged = re.search(r"<answer>\s*(.*?)\s*</answer>", text)
    return tagged[1] if tagged else ",".join(re.findall(r"\b([A-F])\b", text)) or "none"


def ours(text: str, gold: str) -> float | None:
    item = {"qid": "1", "output": text, "answer": gold, "options": ["A. w", "B. x", "C. y", "D. z"]}
    found = mark(Row("daily_omni", "file", "1", item), METRICS["daily_omni"], Reading("direct"))
    return found.value if found.read else None


@pytest.mark.parametrize("line", table("kind"), ids=lambda line: f"{line[0]} {line[2]}")
def test_rule_and_ours_give_what_the_page_says(line: list[str]) -> None:
    kind, gold, answer, published, stated, _ = line
    assert RULES[kind](answer, gold) == pytest.approx(float(published), abs=1e-6)
    read = given(kind, answer, OPTIONS if "choice" in kind else ())  # type: ignore[arg-type]
    assert (0.0 if read is None else agreement(kind, read, gold)) == pytest.approx(float(stated))  # type: ignore[arg-type]


@pytest.mark.parametrize("line", table("output"), ids=lambda line: line[0])
def test_parser_and_ours_read_what_the_page_says(line: list[str]) -> None:
    text, *guessed, stated = line
    assert [first_capital(text), lowest_capital(text), lone_letters(text)] == guessed
    values = {gold: ours(text, gold) for gold in "ABCD"}
    assert values == {gold: None if stated == "none" else float(gold == stated) for gold in "ABCD"}


def test_page_names_every_benchmark_and_how_many_questions_it_has() -> None:
    rows = {row[0]: row[1] for row in table("benchmark")}
    assert rows == {
        name: f"{metric.questions:,}" if metric.questions else "by split" for name, metric in METRICS.items()
    }
