"""What a report is made from: the artifacts of a run, read as the report's parts take them."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from reporting.categories import Measured
from reporting.runs import POOLED, Run
from schemas.artifact import Artifact, Rows
from schemas.tables import JUDGED, METRICS, SCORES
from storage.parquet import read_table
from storage.store import Store
from tasks.passages import Folders
from tasks.report_params import Column, ReportParams
from tasks.reported_answers import Answering
from tasks.reported_examples import Formats, Written

SAMPLED = "held-out training rows, sampled"

Artifacts = Mapping[str, Artifact]


@dataclass(frozen=True)
class Inputs:
    """Sources by name, checkpoints and sampled scores by stage, predictions and scores by column."""

    store: Store
    params: ReportParams
    benchmarks: Artifacts
    read: Artifacts
    rewritten: Artifacts
    rated: Artifacts
    curated: Artifact
    checkpoints: Artifacts
    predictions: Artifacts
    scores: Artifacts
    sampled: Artifacts

    def run(self, column: Column) -> Run:
        """Its scores by benchmark, and once more with all benchmarks together."""
        table = self._table(self.scores[column.key])
        kind = "model" if column.view == "full" else column.view
        return Run(column.key, column.title, kind, pa.concat_tables([_renamed(table, POOLED), table]))

    def answering(self, column: Column, run: Run) -> Answering:
        formats, texts = self._formats(self.scores[column.key]), self.store.folder(self.predictions[column.key])
        return Answering(run, column.stage, column.view, formats, texts)

    def drawn(self) -> dict[str, pa.Table]:
        """Scores of the sampled completions, by stage."""
        return {name: self._table(self.sampled[name]) for name in self.params.sampled}

    def measured(self, column: Column) -> Measured:
        """Its official tables."""
        return Measured(column.title, read_table(self.store.folder(self.scores[column.key]), "metrics", METRICS))

    def judged(self, column: Column) -> tuple[str, pa.Table]:
        """What a judge said of its contexts and its reasoning."""
        return column.title, read_table(self.store.folder(self.scores[column.key]), "judged", JUDGED)

    def written(self, column: Column) -> Written:
        """Its completions with their scores."""
        scores, texts = self.scores[column.key], self.store.folder(self.predictions[column.key])
        return Written(column.title, self._formats(scores), self._table(scores), texts)

    def written_by_sampling(self, name: str) -> Written:
        """The first of the completions that a stage sampled, whose predictions its scores were made from."""
        scores = self.sampled[name]
        given = self.store.manifest(scores).inputs["predictions"]
        predictions = Artifact(stage=given.stage, fingerprint=given.fingerprint, kind="predictions")
        table = _renamed(self._table(scores).filter(pc.field("draw") == 0), SAMPLED)
        title = f"{self.params.trained.get(name, name)}, sampled"
        return Written(title, self._formats(scores), table, self.store.folder(predictions))

    def counts(self) -> dict[str, dict[str, Rows]]:
        """Rows in, out and rejected of every source, by step."""
        steps = {"read": self.read, "rewritten": self.rewritten, "rated": self.rated}
        return {
            step: {name: self.store.manifest(artifact).rows for name, artifact in artifacts.items()}
            for step, artifacts in steps.items()
        }

    def passed(self) -> Folders:
        """The folders that every source's rows passed through."""
        return Folders(
            read=self.folders(self.read),
            rewritten=self.folders(self.rewritten),
            rated=self.folders(self.rated),
            curated=self.store.folder(self.curated),
        )

    def folders(self, artifacts: Artifacts) -> dict[str, Path]:
        return {name: self.store.folder(artifact) for name, artifact in artifacts.items()}

    def _table(self, scores: Artifact) -> pa.Table:
        return read_table(self.store.folder(scores), "scores", SCORES)

    def _formats(self, scores: Artifact) -> Formats:
        """In which format completions were read when they were scored."""
        params = self.store.manifest(scores).params
        return Formats.model_validate({"usual": params["format"], "others": params.get("formats", {})})


def _renamed(scores: pa.Table, benchmark: str) -> pa.Table:
    """The same scores under one benchmark's name."""
    place = scores.schema.get_field_index("benchmark")
    return scores.set_column(place, SCORES.field("benchmark"), pa.array([benchmark] * len(scores), pa.string()))
