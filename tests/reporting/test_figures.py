from xml.etree import ElementTree

import pyarrow as pa
import pytest

from reporting.accuracy import accuracies
from reporting.figures import TrainingLog, accuracy_plots, reward_plot, training_curves
from reporting.rewards import reward_summaries
from reporting.runs import Run
from schemas.training import RewardTerm
from tests.reporting.made import score, scores

HOSTILE = '$\\frac<b>&"</text><script>alert(1)</script>'


def _runs(title: str = "One") -> list[Run]:
    rows = [score(str(place), value=float(place % 3 > 0), family=f"f{place % 2}") for place in range(24)]
    unknown = [score("x", family="dark", value=None, outcome="load_error")]
    return [Run("one", title, "model", scores(*rows, *unknown)), Run("two", "Two", "control", scores(*rows))]


def _log(*names: str, steps: int = 60) -> TrainingLog:
    rows = [(step, name, float(step % 7)) for step in range(1, steps + 1) for name in names]
    metrics = pa.table({"step": [row[0] for row in rows], "name": [row[1] for row in rows]})
    return TrainingLog("grpo", "GRPO", metrics.append_column("value", [[row[2] for row in rows]]))


def test_same_input_draws_the_same_bytes() -> None:
    assert accuracy_plots(accuracies(_runs())) == accuracy_plots(accuracies(_runs()))
    assert training_curves(_log("loss")) == training_curves(_log("loss"))


def test_drawings_are_elements_without_references_to_elsewhere() -> None:
    plots = [*accuracy_plots(accuracies(_runs())), *training_curves(_log("loss", "reward/format"))]
    for plot in plots:
        ElementTree.fromstring(plot.svg)
        assert plot.svg.startswith("<svg viewBox=")
        assert "://" not in plot.svg
        assert "<metadata" not in plot.svg


def test_ids_of_two_drawings_differ() -> None:
    first, second = training_curves(_log("loss", "kl"))
    ids = [{node.get("id") for node in ElementTree.fromstring(plot.svg).iter()} - {None} for plot in (first, second)]
    assert ids[0]
    assert not ids[0] & ids[1]


def test_references_within_a_drawing_point_at_its_own_ids() -> None:
    root = ElementTree.fromstring(accuracy_plots(accuracies(_runs()))[0].svg)
    ids = {node.get("id") for node in root.iter()}
    references = {node.get("href", "")[1:] for node in root.iter() if node.get("href")}
    clips = {node.get("clip-path", "")[5:-1] for node in root.iter() if node.get("clip-path")}
    assert references | clips <= ids
    assert references


def test_colours_follow_the_theme_of_the_page() -> None:
    svg = accuracy_plots(accuracies(_runs()))[0].svg
    assert "var(--s1, #0072b2)" in svg
    assert "var(--ink, " in svg


def test_hostile_titles_stay_text() -> None:
    svg = accuracy_plots(accuracies(_runs(HOSTILE)))[0].svg
    texts = ["".join(node.itertext()) for node in ElementTree.fromstring(svg).iter("text")]
    assert HOSTILE in texts
    assert "<script" not in svg


def test_rewards_of_one_kind_share_a_panel_and_known_metrics_come_first() -> None:
    plots = training_curves(_log("zeal", "reward", "reward/format", "reward/accuracy", "loss"))
    assert [plot.title for plot in plots] == ["Loss", "Reward", "zeal"]
    assert "accuracy" in plots[1].svg


def test_facts_of_step_zero_are_no_curve() -> None:
    metrics = pa.table({"step": [0, 1], "name": ["prompts_left_out", "loss"], "value": [3.0, 1.0]})
    assert [plot.title for plot in training_curves(TrainingLog("sft", "SFT", metrics))] == ["Loss"]


def test_metrics_without_values_are_refused() -> None:
    with pytest.raises(ValueError, match=r"no column \['value'\]"):
        training_curves(TrainingLog("sft", "SFT", pa.table({"step": [1], "name": ["loss"]})))


def test_reward_plot_has_the_total_and_each_reward() -> None:
    terms = (RewardTerm(reward="format", weight=0.5), RewardTerm(reward="accuracy", weight=1.0))
    svg = reward_plot(reward_summaries(_runs(), terms)).svg
    texts = ["".join(node.itertext()) for node in ElementTree.fromstring(svg).iter("text")]
    assert {"total", "format", "accuracy", "One", "Two"} <= set(texts)
