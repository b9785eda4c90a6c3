"""Several final KL weights of one stage: what is trained for them, and the page."""

import subprocess
from pathlib import Path

import pyarrow as pa
import pytest

from flows.kl_ends import ends_of, with_end
from recipes.reading import read_recipe
from reporting.sweeps import ending, sweep_page, sweep_plots
from schemas.recipe import GrpoStage
from schemas.values import UserError
from storage.store import Store
from tests.flows.small import ROOT, command, environment, manifests
from tests.stages import one_line


def test_recipe_is_cut_down_to_the_stage_and_what_it_starts_from() -> None:
    recipe = read_recipe("demo")
    cut = with_end(recipe, "grpo2", 0.003)
    assert [stage.name for stage in cut.stages] == ["cold", "grpo1", "grpo2"]
    wanted, original = cut.stages[-1], recipe.stage("grpo2")
    assert isinstance(wanted, GrpoStage) and isinstance(original, GrpoStage)
    assert wanted.params.kl.end == 0.003
    assert wanted.params.model_copy(update={"kl": original.params.kl}) == original.params
    assert cut.stages[0].params == recipe.stage("cold").params


@pytest.mark.parametrize(
    ("stage", "end", "changes", "said"),
    [
        ("sft", 0.1, [], "no GRPO stage 'sft'; it has grpo1, grpo2"),
        ("grpo1", 0.0, [], "both must be above 0"),
        ("grpo1", 0.1, ["stages.grpo1.params.kl.target=0.05"], "steers its KL to 0.05"),
    ],
)
def test_stage_without_such_a_schedule_is_refused(stage: str, end: float, changes: list[str], said: str) -> None:
    with pytest.raises(UserError, match=said):
        with_end(read_recipe("demo", changes), stage, end)


def test_weights_are_numbers_with_commas() -> None:
    assert ends_of("0.04,0.02, 1e-2") == [0.04, 0.02, 0.01]
    with pytest.raises(UserError, match="give numbers"):
        ends_of("0.04;0.02")


@pytest.mark.parametrize("ends", ["nan", "0.04,inf", "-inf", "1e999"])
def test_weight_without_a_value_is_refused_in_one_line(ends: str) -> None:
    with pytest.raises(UserError, match=f"--ends '{ends}'") as refused:
        ends_of(ends)
    one_line(refused.value)


def test_page_draws_each_metric_with_a_line_a_run_and_says_where_they_ended() -> None:
    runs = {"0.04": _metrics(1.0), "0.01 <b>": _metrics(2.0)}
    assert [plot.title for plot in sweep_plots(runs)] == [
        "KL weight (beta)",
        "KL from the starting policy, nats a token",
        "Reward, weighted total",
    ]
    page = sweep_page("Ends", "final weight", runs)
    assert page == sweep_page("Ends", "final weight", runs)
    assert page.count("<svg") == 3 and "<b>&lt;b" not in page and "0.01 &lt;b&gt;" in page
    assert "://" not in page


def test_ending_is_the_mean_over_the_last_fifth_of_the_steps() -> None:
    assert ending(_metrics(1.0), "kl") == pytest.approx(9.5)
    assert ending(_metrics(1.0), "silent") != ending(_metrics(1.0), "silent")


def _metrics(scale: float) -> pa.Table:
    names = ("kl", "beta", "reward", "entropy")
    rows = [{"step": step, "name": name, "value": scale * step} for step in range(1, 11) for name in names]
    return pa.Table.from_pylist([{"step": 0, "name": "prompts_left_out", "value": 0.0}, *rows])


@pytest.mark.slow
def test_sweep_trains_what_is_shared_once_and_leaves_a_page(tmp_path: Path) -> None:
    store = tmp_path / "store"
    watched = "stages.grpo.params.evaluate_every=1"
    asked = [*command("kl-sweep", store, watched), "--stage", "grpo", "--ends", "0.04,0.01"]
    done = subprocess.run(asked, cwd=ROOT, env=environment(tmp_path / "prefect"), capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    trained = [item.stage for item in Store(store).manifests()]
    assert trained.count("sft") == 1 and trained.count("grpo") == 2
    page = store / "reports" / "demo-grpo-kl-sweep.html"
    assert str(page) in done.stdout.replace("\n", "") and page.read_text().count("<svg") >= 5
    for made in manifests(store, "grpo"):
        assert {"generate", "update", "evaluate"} <= made.notes["mean_seconds_a_step"].keys()  # type: ignore[attr-defined]
        assert (store / "logs" / "grpo" / made.fingerprint / "timings.parquet").exists()
