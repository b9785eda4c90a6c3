"""Every line of the tables of disagreement in docs/evaluation.md is true, of their rule and of ours."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from schemas.example import AnswerKind, Option
from schemas.options import given
from tasks.reading.row import Row
from tasks.scoring.marks import Reading, mark
from tasks.scoring.metrics import METRICS
from tasks.scoring.scored_file import score_file
from tests.training.rewards import examples as made
from tests.training.rewards.test_published_rules import (
    GOOD,
    THEIR_FORMAT,
    exact,
    fifths,
    labels,
    pointed,
    relative,
    substring,
    words,
)
from training.rewards import REWARDS
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


def block(text: str, place: int = 0) -> str:
    """The body of an answer block; empty where there is none."""
    found = re.findall(r"<answer>\s*(.*?)\s*</answer>", text, re.DOTALL)
    return found[place] if found else ""


def tolerances(answer: str, gold: str) -> float:
    """The share of ten tolerances, from half down to a twentieth, that the relative error is under."""
    error = abs(float(answer) - float(gold)) / abs(float(gold))
    return sum(error < 1 - threshold / 100 for threshold in range(50, 100, 5)) / 10


def stale(text: str, gold: str) -> float:
    """Equality, where an item without an answer has that of the item before, which is A here."""
    return exact(block(text) or "A", gold)


def bare_letter(text: str) -> str:
    """The lowest of A to F that is marked, else that stands anywhere, in the last block or in all of the text."""
    said = block(text, -1) or text
    marked = [label for label in "ABCDEF" if f"{label} " in said or f"{label}:" in said or f"[{label}" in said]
    return next(iter(marked or [label for label in "ABCDEF" if label in said]), "")


def cleaned(text: str) -> str:
    """In lower case; `b.` and what follows is b; else without punctuation."""
    text = text.lower()
    return text[0] if text[1:2] == "." else re.sub(r"[^\w\s]", "", text)


def never(*_: str) -> float:
    return 0.0


def equal(read: Callable[[str], str | None]) -> Callable[[str, str], float]:
    return lambda text, gold: float(read(text) == gold)


SCRIPTS: dict[str, tuple[AnswerKind, Callable[[str, str], float]]] = {
    "HumanOmniV2, evaluation": ("choice", stale),
    "HumanOmniV2, evaluation, judge": ("yes_no", lambda text, gold: substring(block(text), gold)),
    "HumanOmniV2, evaluation, regression": ("regression", lambda text, gold: tolerances(block(text), gold)),
    "HumanOmniV2, evaluation, OCR": ("ocr", never),
    "HumanOmniV2, training, emer_ov": ("emotion_words", never),
    "OmniVideo-R1, training": ("choice", equal(lambda text: re.findall("[A-Z]", block(text))[0])),
    "Daily-Omni, local": ("choice", equal(lambda text: "".join(re.findall(r"^\s*([A-Da-d])", text)).upper())),
    "Daily-Omni, API": ("choice", lambda text, gold: float(text.strip().upper().startswith(gold))),
    "VLMEvalKit, WorldSense": ("choice", equal(first_capital)),
    "VLMEvalKit, Video-MME": ("choice", equal(first_capital)),
    "lmms-eval, WorldSense": ("choice", equal(lowest_capital)),
    "OmniVideoBench": ("choice", lambda text, gold: float(cleaned(text) == gold.lower())),
    "Video-Holmes": ("choice", equal(bare_letter)),
    "LVBench": ("choice", equal(lambda text: text.split(")")[0].split("(")[-1][:1])),
    "MLVU": ("choice", equal(lambda text: text.split(")")[0][-1:])),
    "lmms-eval, MLVU test": ("choice", equal(lambda text: text if text in "ABCD" else None)),
}
"""The kind of question and the published rule, written down as it is described."""

COUNTED: dict[str, tuple[str, ...]] = {
    "Daily-Omni": ("right", "wrong", "unanswered"),
    "OmniVideoBench": ("right", "wrong", "unanswered"),
    "LVBench": ("right", "wrong"),
    "VLMEvalKit, WorldSense": ("right", "wrong"),
    "HumanOmniV2, evaluation": (),
}
"""What is in the denominator of a script's mean; nothing where there is no mean."""


def of_our_rules(kind: AnswerKind, text: str, gold: str) -> float:
    """What ours says of an output: tagged where it has a tag, else a direct answer; silence is wrong."""
    if kind in ("choice", "yes_no"):
        named = {"choice": "multiple choice", "yes_no": "judge"}[kind]
        written = [f"{label}. thing {label.lower()}" for label in "ABCDEF"]
        item = {"output": text, "answer": gold, "problem_type": named, "options": written}
        found = mark(Row("", "file", "1", item), METRICS["intentbench"], Reading("direct"))
        assert found.value is not None
        return found.value
    read = given(kind, block(text))
    return 0.0 if read is None else agreement(kind, read, gold)


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


@pytest.mark.parametrize("line", table("script | gold"), ids=lambda line: f"{line[0]} {line[2]}")
def test_script_and_ours_give_one_output_what_the_page_says(line: list[str]) -> None:
    script, gold, text, published, stated, _ = line
    kind, rule = SCRIPTS[script]
    assert rule(text, gold) == pytest.approx(float(published))
    assert of_our_rules(kind, text, gold) == pytest.approx(float(stated))


@pytest.mark.parametrize("line", table("reward"), ids=lambda line: f"{line[0]} {line[1]}")
def test_published_reward_and_ours_pay_what_the_page_says(line: list[str]) -> None:
    reward, text, published, stated, _ = line
    reply = None if text == "no reply" else text
    theirs = float(bool(THEIR_FORMAT.search(text))) if reward == "format" else fifths(reply)
    written = made.rollout(text if reward == "format" else GOOD)
    asked, judge = made.example("choice", "A", ["red", "blue"]), made.replying(lambda _: reply)
    assert theirs == float(published)
    assert made.values(REWARDS[reward], asked, [written], judge) == [None if stated == "not known" else float(stated)]


@pytest.mark.parametrize("line", table("script | theirs"), ids=lambda line: line[0])
def test_script_and_ours_have_the_denominators_that_the_page_says(line: list[str], tmp_path: Path) -> None:
    script, published, stated, _ = line
    counted = COUNTED[script]
    assert published == (f"{100 * counted.count('right') / len(counted):.2f}" if counted else "none")
    row = {"answer": "A", "problem_type": "multiple choice"}
    outputs = ("<answer>A</answer>", "<answer>B</answer>", "")
    found = [{"id": n, "output": output, **row} for n, output in enumerate(outputs)] + [{"id": 3, "load_error": True}]
    (tmp_path / "file.json").write_text(json.dumps(found))
    cell = score_file(tmp_path / "file.json", "worldsense", Reading()).tables[0].cells[0]
    assert (cell.value, cell.of_answered) == (pytest.approx(1 / 3), 0.5)
    assert stated == f"{100 * (cell.value or 0):.2f}"


def test_every_script_of_the_tables_is_one_that_is_executed() -> None:
    assert {line[0] for line in table("script | gold")} == set(SCRIPTS)
    assert {line[0] for line in table("script | theirs")} == set(COUNTED)


def test_page_names_every_benchmark_and_how_many_questions_it_has() -> None:
    rows = {row[0]: row[1] for row in table("benchmark | questions")}
    assert rows == {
        name: f"{metric.questions:,}" if metric.questions else "by split" for name, metric in METRICS.items()
    }
