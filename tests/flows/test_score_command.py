"""`contextfirst score`: one number for somebody else's predictions, or one line that says why there is none."""

import json
import os
import random
import re
import subprocess
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from flows import cli

LETTERS = {"multiple choice": "ABCD", "emer_ov_mc": "ABCDEF", "judge": ""}
COUNTS = {"why": 698, "how": 632, "what": 480, "when": 14, "who/which": 25, "other": 507}
CLEAN_START = """
import sys
from flows import cli
try:
    cli.main()
except SystemExit as ended:
    assert not ended.code, ended.code
heavy = {"prefect", "torch", "transformers", "matplotlib", "openai", "google.genai"} & set(sys.modules)
assert not heavy, heavy
"""


class Done(NamedTuple):
    code: int
    out: str
    err: str


class Score:
    """Runs `contextfirst score` in this process on items written to a file."""

    def __init__(self, patch: pytest.MonkeyPatch, capture: pytest.CaptureFixture[str], place: Path) -> None:
        self._patch, self._capture = patch, capture
        self.file = place / "predictions.json"

    def __call__(self, found: object, *words: str, benchmark: str = "intentbench") -> Done:
        self.file.write_text(found if isinstance(found, str) else json.dumps(found), encoding="utf-8")
        line = ["contextfirst", "score", "--benchmark", benchmark, "--predictions", str(self.file), *words]
        self._patch.setattr(sys, "argv", line)
        with pytest.raises(SystemExit) as ended:
            cli.main()
        assert ended.value.code is None or isinstance(ended.value.code, int)
        return Done(ended.value.code or 0, *self._capture.readouterr())


@pytest.fixture
def score(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Score:
    return Score(monkeypatch, capsys, tmp_path)


def item(number: int, kind: str, category: str, gold: str, said: str, **more: object) -> dict[str, Any]:
    words = [f"{label}.thing {label.lower()}{number}" for label in LETTERS[kind]]
    raw = {"options": words, "Type": category, "video": f"clip{number // 4}.mp4", "problem": "What is it?"}
    named = {"qid": f"q{number}", "problem_type": kind, "solution": f"<answer>{gold}</answer>"}
    return {**named, "output": said, "raw": raw, "load_error": False, **more}


def one(number: int, said: str = "<answer>A</answer>", **more: object) -> dict[str, Any]:
    return item(number, "multiple choice", "why", "A", said, **more)


def whole_benchmark() -> list[dict[str, Any]]:
    """2,689 answers in the published mix, among them every way of answering oddly."""
    draw, found = random.Random(3), []
    for category, count in {**COUNTS, "emotion": 133, "deception": 200}.items():
        kind = {"emotion": "emer_ov_mc", "deception": "judge"}.get(category, "multiple choice")
        for _ in range(count):
            gold, said = (_answer(draw, kind) for _ in range(2))
            said = gold if draw.random() < 0.6 else said
            found.append(item(len(found), kind, category, gold, _written(draw, said)))
    for broken in draw.sample(found, 4):
        broken |= {"load_error": True, "output": ""}
    return found


def _answer(draw: random.Random, kind: str) -> str:
    if kind == "judge":
        return draw.choice(("Yes", "No"))
    return ",".join(sorted(draw.sample(LETTERS[kind], draw.randint(1, 3) if kind == "emer_ov_mc" else 1)))


def _written(draw: random.Random, said: str) -> str:
    forms = ("{}", " {} ", "{}.", "<b>{}</b>", "{} I think", "")
    form = draw.choices(forms, (80, 5, 5, 2, 2, 2))[0]
    body = f"<answer>{form.format(said.replace(',', ', '))}</answer>"
    return draw.choices((f"<context>He says A.</context><think>B.</think>{body}", said), (95, 5))[0]


def plain_score(found: list[dict[str, Any]]) -> dict[str, float]:
    """The stated rules once more, in the plainest words: percent by category and overall."""
    values = defaultdict(list)
    for each in found:
        if each["load_error"]:
            continue
        match = re.search(r"<answer>(.*?)</answer>", each["output"], re.DOTALL)
        said = match[1].strip().rstrip(".") if match else ""
        gold = each["solution"][len("<answer>") : -len("</answer>")]
        if each["problem_type"] == "emer_ov_mc":
            wrote, wanted = {label.strip() for label in said.split(",")}, set(gold.split(","))
            valid = all(re.fullmatch("[A-F]", label) for label in wrote)
            value = 2 * len(wrote & wanted) / (len(wrote) + len(wanted)) if valid else 0.0
        else:
            value = float(said.lower() == gold.lower())
        values[each["raw"]["Type"]].append(value)
        values["all"].append(value)
    return {name: 100 * sum(numbers) / len(numbers) for name, numbers in values.items()}


def cells_of(out: str) -> dict[str, tuple[int, float]]:
    """n and accuracy of every line of the first table."""
    lines = re.findall(r"^(\S+) +(\d+) +(\d+\.\d\d) ", out, re.MULTILINE)
    return {name: (int(n), float(value)) for name, n, value in lines}


@pytest.mark.parametrize("form", ["array", "lines", "results"])
def test_whole_benchmark_agrees_with_a_plain_script(score: Score, form: str) -> None:
    found = whole_benchmark()
    assert len(found) == 2689
    forms = {"array": found, "lines": "\n".join(map(json.dumps, found)), "results": {"final_acc": 0, "results": found}}
    done = score(forms[form])
    assert (done.code, done.err) == (0, "")
    expected, printed = plain_score(found), cells_of(done.out)
    assert list(printed) == ["all", *COUNTS, "emotion", "deception"]
    assert {name: value for name, (_, value) in printed.items()} == pytest.approx(expected, abs=0.0051)
    assert printed["all"][0] == 2685
    assert "left out: 4 load errors, 0 unjudged" in done.out and "note" not in done.out


def test_it_starts_without_prefect_or_torch(score: Score) -> None:
    score([one(1), one(2)])
    line = ["score", "--benchmark", "intentbench", "--predictions", str(score.file)]
    done = subprocess.run([sys.executable, "-c", CLEAN_START, *line], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_narrow_terminal_breaks_lines_and_cuts_no_number_off(score: Score, monkeypatch: pytest.MonkeyPatch) -> None:
    found = [one(number, f"<answer>{'AB'[number % 3 == 0]}</answer>") for number in range(40)]
    wide = score(found).out
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    monkeypatch.setenv("COLUMNS", "40")
    narrow = score(found).out
    assert "…" not in narrow and cells_of(narrow) == cells_of(wide)


def test_both_denominators_are_said(score: Score) -> None:
    done = score([one(1), one(2, "<answer>B</answer>"), one(3, "I cannot say"), one(4, "", load_error=True)])
    assert (
        "overall 33.33 (mean of the questions) over 3 scored, 1 of them unanswered and wrong; 50.00 over 2 answered; "
        "left out: 1 load errors, 0 unjudged"
    ) in done.out
    assert "4 items, where the benchmark has 2689 questions" in done.out


def test_bare_letters_count_only_when_the_protocol_is_direct(score: Score) -> None:
    found = [one(1, "A"), one(2, "A")]
    assert "overall 0.00" in score(found).out
    assert "overall 100.00" in score(found, "--protocol", "direct").out


def test_yes_no_letters_count_only_when_they_are_allowed(score: Score) -> None:
    found = [item(1, "judge", "deception", "Yes", "A"), item(2, "judge", "deception", "No", "B")]
    without, allowed = score(found, "--protocol", "direct"), score(found, "--protocol", "direct", "--yes-no-letters")
    assert "overall 0.00" in without.out and "2 yes/no answers are a letter" in without.out
    assert "overall 100.00" in allowed.out and "A is read as yes" in allowed.out


def test_subsets_have_tables_of_their_own(score: Score, tmp_path: Path) -> None:
    inside, outside = tmp_path / "inside.txt", tmp_path / "outside.json"
    inside.write_text("q1\nq2\nq99\n")
    outside.write_text(json.dumps({"excluded": [{"qid": "q1"}]}))
    found = [one(1, "<answer>B</answer>"), one(2), one(3)]
    done = score(found, "--subset", f"clean={inside}", "--subset", f"hard={outside}", "--json", str(tmp_path / "out"))
    assert "overall 50.00" in done.out and "2 of the 3 listed ids are in the file" in done.out
    tables = json.loads((tmp_path / "out").read_text())["tables"]
    assert [(table["subset"], table["cells"][0]["n"]) for table in tables] == [("full", 3), ("clean", 2), ("hard", 2)]
    assert [table["cells"][0]["value"] for table in tables] == [pytest.approx(2 / 3), 0.5, 1.0]


def test_question_of_several_types_and_macro_average_are_those_of_their_benchmarks(score: Score) -> None:
    row: dict[str, Any] = {"question_type": ["reasoning", "summarization"], "answer": "A", "key": "v"}
    done = score([{"qid": "1", "output": "<answer>A</answer>", "raw": row}], benchmark="lvbench")
    assert cells_of(done.out) == {"all": (1, 100.0), "summarization": (1, 100.0), "reasoning": (1, 100.0)}
    rows = [("count", "A"), ("count", "B"), ("ego", "B"), ("ego", "B"), ("ego", "B"), ("ego", "B")]
    found = [
        {"qid": str(n), "problem_type": "multiple choice", "output": "<answer>x</answer>", "raw": raw}
        for n, (task, gold) in enumerate(rows)
        if (raw := {"question_type": task, "candidates": ["x", "y"], "answer": "xy"["AB".index(gold)], "video": "v"})
    ]
    done = score(found, benchmark="mlvu")
    assert "overall 25.00 (mean of the categories) over 6 scored" in done.out


@pytest.mark.parametrize(
    ("found", "said"),
    [
        ([one(1), one(2), one(1)], r"id 'q1' stands twice \(items 1 and 3\): keep one"),
        ([one(1), one(2, solution="")], r"item 2 \(id 'q2'\): it has no gold answer"),
        ([one(1, problem_type="numerical")], "'problem_type' 'numerical' is none of the benchmark's"),
        ([one(1, output=None)], "it has no text 'output'"),
        ([one(1), "B"], "item 2: the row is a str, not an object"),
        ([one(1, raw={"Type": "Event Sequence"})], "is not of intentbench: its 'Type' is 'Event Sequence'"),
        ([one(1, load_error=True)], "nothing in .* can be scored"),
        ([], "holds no predictions"),
        ("", "is empty: name a file of predictions"),
        ([one(1), one(2, load_error=[])], r"item 2 \(id 'q2'\): its 'load_error' is a list"),
        ([one(1, solution=1)], "may count from 0 or from 1: write the letter"),
        ([one(1, answer="\ud800")], r"item 1 .*cannot be read as choice"),
        ('[{"qid": "q1", "qid": "q2"}]', "item 1: 'qid' stands 2 times"),
        ('{"results": {"q1": {}}}', "an object whose 'results' is no array"),
        (json.dumps(one(1)) + "\nnot JSON\n", "line 2 is no JSON"),
        ('[{"qid": "q1"', "breaks off or is no JSON in item 1"),
        ({"q1": {"output": "A"}}, "it has no text 'output'"),
    ],
)
def test_file_that_may_be_the_wrong_one_gives_one_line_and_no_number(
    score: Score, tmp_path: Path, found: object, said: str
) -> None:
    out = tmp_path / "out.json"
    done = score(found, "--json", str(out))
    assert (done.code, done.out, done.err.count("\n")) == (2, "", 1)
    assert re.search(said, done.err)
    assert [path.name for path in tmp_path.iterdir()] == ["predictions.json"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--benchmark", "intentbank"], "no benchmark is called 'intentbank'"),
        (["--protocol", "bare"], "no protocol is called 'bare'"),
        (["--subset", "clean"], "is not NAME=FILE"),
        (["--subset", "clean=gone.txt"], r"gone\.txt cannot be read"),
        (["--subset", "full={ids}"], "needs a name of its own"),
        (["--subset", "a={ids}", "--subset", "a={ids}"], "needs a name of its own"),
        (["--subset", "clean={others}"], "no id of the subset 'clean' is in"),
        (["--json", "{ids}/out.json"], "cannot be written"),
        (["--json", "{file}"], "is the file of predictions: name another with --json"),
        (["--subset", "a={others}", "--subset", "b={ids}", "--json", "{ids}"], "is the list of the subset 'b'"),
        (["--subset", "b={ids}", "--json", "{link}"], "is the list of the subset 'b'"),
        (["--predictions", "gone.json"], r"gone\.json cannot be read"),
    ],
)
def test_word_that_cannot_be_meant_is_said_in_one_line(
    score: Score, tmp_path: Path, words: list[str], said: str
) -> None:
    places = {"ids": tmp_path / "ids.txt", "others": tmp_path / "others.txt", "link": tmp_path / "link.txt"}
    places["ids"].write_text("q1\n")
    places["link"].symlink_to(places["ids"])
    places["others"].write_text("z1\n")
    done = score([one(1)], *(word.format(**places, file=score.file) for word in words))
    assert (done.code, done.out, done.err.count("\n")) == (2, "", 1)
    assert re.search(said, done.err)
    assert places["ids"].read_text() == "q1\n"


def test_json_goes_into_the_pipe_that_it_is_asked_into_and_through_a_link(score: Score, tmp_path: Path) -> None:
    pipe, link, file = tmp_path / "pipe", tmp_path / "link.json", tmp_path / "file.json"
    os.mkfifo(pipe)
    file.write_text("old")
    link.symlink_to(file)
    with os.fdopen(os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)) as reader:
        assert score([one(1)], "--json", str(pipe)).code == 0
        assert json.loads(reader.read())["items"] == 1
    assert score([one(1)], "--json", str(link)).code == 0
    assert pipe.is_fifo() and link.is_symlink() and json.loads(file.read_text())["items"] == 1


def test_json_on_the_standard_output_stands_before_the_tables(score: Score, tmp_path: Path) -> None:
    score([one(1)])
    stdout = tmp_path / "stdout"  # as /dev/stdout is, which a fault must not cost this machine
    stdout.symlink_to("/proc/self/fd/1")
    line = ["--benchmark", "intentbench", "--predictions", str(score.file), "--json", str(stdout)]
    done = subprocess.run([sys.executable, "-m", "flows.cli", "score", *line], capture_output=True, text=True)
    found, _ = json.JSONDecoder().raw_decode(done.stdout)
    assert (done.returncode, done.stderr, found["items"]) == (0, "", 1)
    assert stdout.is_symlink() and "overall 100.00" in done.stdout


def test_more_items_than_the_benchmark_has_are_said_to_be_too_many(score: Score) -> None:
    done = score("\n".join(json.dumps(one(number)) for number in range(2690)))
    assert "2690 items, more than the benchmark's 2689: some stand twice or are not its own" in done.out


def test_macro_average_needs_the_category_of_every_item(score: Score) -> None:
    found = [{"qid": "1", "problem_type": "multiple choice", "answer": "A", "output": "<answer>A</answer>"}]
    done = score(found, benchmark="mlvu")
    assert (done.code, done.out) == (2, "")
    assert "mlvu averages over 'question_type'" in done.err


def test_items_without_an_id_or_a_video_or_options_are_counted_in_notes(score: Score) -> None:
    bare = {"problem_type": "multiple choice", "answer": "A", "output": "<answer>A</answer>"}
    done = score([bare, bare])
    assert done.code == 0
    for said in ("2 items have no id", "2 items name no video", "2 choices state no readable options"):
        assert said in done.out
