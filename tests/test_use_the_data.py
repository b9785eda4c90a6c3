"""docs/use-the-data.md, run as it stands: every block in its order, where a reader would be."""

import re
import shlex
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from flows import cli
from llm.prompts.rate import DIMENSIONS
from schemas.artifact import Artifact
from schemas.example import Example, Media, Provenance, Rating
from schemas.runtime import Runtime
from storage import blobs, names
from storage.store import Store
from tasks.curate import CurateParams, curate
from tasks.publish import PublishParams, publish
from tests.stages import example, made, rows_of

PAGE = Path(__file__).parent.parent / "docs" / "use-the-data.md"
PROMPTS = {"context": "rewrite@2", "think": "rewrite@2"}


class Block(NamedTuple):
    """A fenced block of the page. line: where it begins, for messages."""

    language: str
    line: int
    text: str


def blocks() -> list[Block]:
    found = re.finditer(r"^```(\w*)\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    return [Block(each[1], PAGE.read_text()[: each.start(2)].count("\n"), each[2]) for each in found]


def row(number: int, source: str, clip: Media, quality: float) -> Example:
    ratings = tuple(Rating(name=name, value=quality, rationale="as it is") for name in DIMENSIONS)
    return example(
        f"{source}-{number}",
        source=source,
        media=(clip,),
        context="a red square moves up . two beeps",
        think="two beeps, so : A",
        categories={"rated_category": "sound" if number % 2 else "action"},
        ratings=ratings,
        provenance=tuple(
            Provenance(field=field, provider="openai", model="m", prompt=prompt, request=f"r-{number}")
            for field, prompt in PROMPTS.items()
        ),
    )


def clip(downloads: Path, store: Store, number: int) -> Media:
    """A file of the publisher's, kept in the store too."""
    content = f"clip {number}".encode() * 40
    path = downloads / f"clips/{number}.mp4"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return Media(kind="video", digest=blobs.keep(store.blobs, content), path=f"clips/{number}.mp4", duration=2.0)


def rows(folder: Path, store: Store) -> dict[str, list[Example]]:
    clips = [clip(folder / "downloads", store, number) for number in range(12)]
    mine = [row(number, "video_r1", clips[number], 0.9) for number in range(8)]
    again = mine[0].model_copy(update={"id": "made/again", "source_row": "again"})
    return {"video_r1": [*mine, again], "emer": [row(number, "emer", clips[number], 0.6) for number in range(8, 12)]}


def dataset(runtime: Runtime, chosen: Artifact, media: str) -> Artifact:
    params = PublishParams.model_validate({"name": "demo", "title": "Demo", "media": media})
    return made(publish.fn(params, chosen, runtime))


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a store, the sources' own files, and a dataset with its media inside; where the reader sits."""
    import datasets

    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    runtime = Runtime(store="store")
    store = Store(runtime.store)
    sources = {name: rows_of(runtime, *given) for name, given in rows(tmp_path, store).items()}
    bench = rows_of(runtime, example("bench"))
    params = CurateParams(min_quality=0.3, validation_share=0.25)
    chosen = made(curate.fn(params, sources, {"bench": bench}, None, runtime))
    names.give(store, "demo/dataset", dataset(runtime, chosen, "referenced"))
    store.folder(dataset(runtime, chosen, "embedded")).rename(tmp_path / "my-embedded-dataset")
    return tmp_path


def run_commands(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every line as a shell would take it, through the command line's own entry point."""
    for line in text.splitlines():
        monkeypatch.setattr(sys, "argv", shlex.split(line))
        with pytest.raises(SystemExit) as ended:
            cli.main()
        assert not ended.value.code, line


def test_page_runs_from_its_first_block_to_its_last(
    desk: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    reader: dict[str, object] = {"__name__": "reader"}
    ran = []
    for block in blocks():
        if block.language == "bash":
            run_commands(block.text, monkeypatch)
        else:
            code = "\n" * block.line + block.text  # so that a traceback names the page's own line
            exec(compile(code, str(PAGE), "exec"), reader)  # noqa: S102  the page is ours
        ran.append(block.language)
    assert {"bash", "python"} == set(ran)
    shown = capsys.readouterr().out
    assert "video_r1" in shown and "duplicate" in shown and "clips/" in shown


def test_quality_on_the_page_is_what_curation_reckons(desk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All ratings of a row are alike here, so its quality is their square."""
    import duckdb

    first, *_ = blocks()
    run_commands(first.text, monkeypatch)
    query = next(block.text for block in blocks() if "PIVOT" in block.text)
    reader: dict[str, object] = {"duckdb": duckdb}
    exec(compile(query, str(PAGE), "exec"), reader)  # noqa: S102  the page is ours
    found = reader["good"]
    assert {round(quality, 2) for _, quality in found.fetchall()} == {0.81}  # type: ignore[attr-defined]
