from reporting.differences import Comparison, differences
from reporting.forest import forest_plots
from reporting.runs import Run
from tests.reporting.made import score, scores


def _runs(rows: int) -> list[Run]:
    new = scores(*(score(str(place)) for place in range(rows)))
    old = scores(*(score(str(place), value=0.0) for place in range(rows)))
    return [Run("new", "New", "model", new), Run("old", "Old", "model", old)]


def test_every_comparison_of_a_benchmark_is_on_its_plot_with_its_size() -> None:
    pairs = [Comparison(title=title, run="new", against="old") for title in ("first & <one>", "second")]
    (plot,) = forest_plots(differences(_runs(60), pairs))
    assert plot.title == "made"
    assert "first &amp; &lt;one&gt;" in plot.svg
    assert plot.svg.count("+100.0") == 2
    assert "n &lt; 50" not in plot.svg


def test_few_rows_are_said_on_the_plot() -> None:
    (plot,) = forest_plots(differences(_runs(12), [Comparison(title="few", run="new", against="old")]))
    assert "n &lt; 50" in plot.svg
