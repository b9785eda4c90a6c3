"""What docs/security.md promises of the tree as a whole: no code from data, no way out of a folder, no living text."""

import ast
import contextlib
import functools
import json
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from flows.audit import verdict
from recipes.reading import read_recipe
from reporting.exhibits import exhibit, shown
from reporting.markdown import markdown
from reporting.page import ReportPage, render
from schemas.artifact import Artifact
from schemas.example import Media, Option
from schemas.runtime import Runtime
from schemas.values import UserError
from storage import blobs, names
from storage.exports.gallery import Gallery
from storage.store import Store
from tasks.publish import PublishParams, publish
from tests.reporting.made import score
from tests.stages import Note, example, made, note, one_line, rows_of

ROOT = Path(__file__).parent.parent
PACKAGES = ("flows", "tasks", "storage", "training", "corpus", "reporting", "recipes", "llm", "media", "schemas")
UNSAFE_MODULES = {"pickle", "dill", "cloudpickle", "marshal", "shelve", "joblib"}
UNSAFE_CALLS = {"eval", "exec", "compile", "os.system", "os.popen", "yaml.load", "yaml.unsafe_load", "tempfile.mktemp"}
COMMONMARK = MarkdownIt("commonmark", {"html": True}).enable("table")
OUTSIDE = ("../x", "/tmp/x", "a/../../x", "a/..", ".", "..", "a/.hidden", "", "a//b", "a\\..\\b", "a\nb", "a\0b", "~/x")


# No code from data


@functools.cache
def nodes() -> list[tuple[str, ast.AST]]:
    """Everything in the program, with where it stands."""
    return [
        (f"{path.relative_to(ROOT)}:{getattr(node, 'lineno', 0)}", node)
        for package in PACKAGES
        for path in sorted((ROOT / package).rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    ]


def calls() -> Iterator[tuple[str, ast.Call]]:
    return ((place, node) for place, node in nodes() if isinstance(node, ast.Call))


def imports() -> Iterator[tuple[str, str]]:
    for place, node in nodes():
        if isinstance(node, ast.Import):
            yield from ((place, name.name) for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield place, node.module or ""


def has(call: ast.Call, name: str, value: object) -> bool:
    return any(word.arg == name and ast.unparse(word.value) == repr(value) for word in call.keywords)


def test_tree_imports_nothing_that_unpickles() -> None:
    assert [place for place, name in imports() if name.split(".")[0] in UNSAFE_MODULES] == []


def test_tree_runs_no_text_and_no_shell() -> None:
    found = [(place, ast.unparse(call.func)) for place, call in calls()]
    assert len(found) > 1000  # else the tree was not found
    assert [place for place, name in found if name in UNSAFE_CALLS] == []
    assert [place for place, call in calls() if has(call, "shell", True)] == []


def test_tree_loads_tensors_as_numbers_and_models_without_their_code() -> None:
    loads = [(place, call) for place, call in calls() if ast.unparse(call.func) == "torch.load"]
    assert [place for place, call in loads if not has(call, "weights_only", True)] == []
    assert [place for place, call in calls() if has(call, "trust_remote_code", True)] == []
    assert [place for place, call in calls() if has(call, "allow_pickle", True)] == []
    pretrained = [call for _, call in calls() if ast.unparse(call.func).endswith("Auto" + "Tokenizer.from_pretrained")]
    assert pretrained and all(has(call, "trust_remote_code", False) for call in pretrained)


# No way out of a folder


@pytest.mark.parametrize("name", OUTSIDE)
def test_name_of_an_artifact_never_leads_out_of_the_store(tmp_path: Path, name: str) -> None:
    runtime = Runtime(store=str(tmp_path / "deep" / "store"))
    artifact = made(note(Note(text="a"), runtime))
    before = sorted(path for path in tmp_path.rglob("*") if "names" not in path.parts)
    with pytest.raises(UserError):
        names.give(Store(runtime.store), name, artifact)
    assert names.find(Store(runtime.store), name) is None
    with pytest.raises(UserError):
        Store(runtime.store).resolve(name)
    assert sorted(path for path in tmp_path.rglob("*") if "names" not in path.parts) == before


@pytest.mark.parametrize("name", OUTSIDE)
def test_name_of_a_recipe_never_leads_out_of_the_recipes(name: str) -> None:
    with pytest.raises(UserError) as refused:
        read_recipe(name)
    one_line(refused.value)
    with pytest.raises(UserError):
        read_recipe("demo", [f"name={json.dumps(name)}"])
    with pytest.raises(UserError):
        read_recipe("demo", [f"sources.emer.name={json.dumps(name)}"])


@pytest.mark.parametrize("split", ["../x", "/tmp/x", "..", "a/b", "a\0b"])
def test_split_of_a_row_never_leads_out_of_the_dataset(tmp_path: Path, split: str) -> None:
    runtime = Runtime(store=str(tmp_path / "store"))
    rows = rows_of(runtime, example("1", split=split))
    with pytest.raises(UserError, match="which is no name of a file"):
        publish.fn(PublishParams(name="demo", title="t"), rows, runtime)
    assert not list(tmp_path.rglob("*x-00000*"))


@pytest.mark.parametrize("path", ["../../x.mp4", "/etc/passwd", "a.mp4/../../x", "x.sh;rm", "a.\n", "a.mp4\0"])
def test_publishers_path_never_names_a_file_of_an_export(tmp_path: Path, path: str) -> None:
    digest = blobs.keep(tmp_path / "blobs", b"a clip")
    gallery = Gallery(tmp_path / "blobs", tmp_path / "out", "copy")
    placed = gallery.place("video", Media(kind="video", digest=digest, path=path))
    assert (tmp_path / "out" / placed).resolve().parent == tmp_path / "out" / "media"
    assert placed.removeprefix(f"media/{digest}") in ("", ".mp4")


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Artifact]:
    """A folder with a store in it, and one artifact of that."""
    folder = tmp_path_factory.mktemp("shelf")
    return folder, made(note(Note(text="a"), Runtime(store=str(folder / "store"))))


@settings(deadline=None)
@given(name=st.text(max_size=20) | st.text("ab./\\~@ \n\0A-_", max_size=20))
def test_any_text_as_a_name_is_refused_or_stays_among_the_names(shelf: tuple[Path, Artifact], name: str) -> None:
    folder, artifact = shelf
    before = set(folder.rglob("*"))
    with contextlib.suppress(UserError):
        names.give(Store(folder / "store"), name, artifact)
    new = {path.resolve() for path in set(folder.rglob("*")) - before if path.is_file()}
    assert all(path.is_relative_to(folder / "store" / "names") for path in new if ".index" not in path.parts)


# No living text


class Elements(HTMLParser):
    """Every element with its attributes, and every comment."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str, tuple[str, ...]]] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, tuple(name for name, _ in attrs)))

    def handle_comment(self, data: str) -> None:
        self.found.append(("comment", ()))


def page(text: str) -> ReportPage:
    """A report that shows a text as a question, an option, a completion, a note and a title."""
    options = (Option(label="A", text=f"x{text}"), Option(label="B", text="other"))
    row = example("1", question=f"x{text}", options=options)
    scored = score("1", given=f"x{text}", rewards=[("accuracy", 1.0)])
    said = shown("sft", "context_first", f"<context>{text}</context>", scored, {}, text)
    return ReportPage(
        title=f"x{text}",
        lead=(f"x{text}",),
        notices=(f"x{text}",),
        exhibits=(exhibit(row, "made", f"x{text}", (), [said]),),
        exhibits_note=f"x{text}",
    )


LIVING = (
    "</script><script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "--><svg/onload=alert(1)>",
    '\'" autofocus onfocus=alert(1) x="',
    "]]></style><a href=javascript:alert(1)>",
    "{{ 7 * 7 }}{% raw %}",
    "![x](javascript:alert(1)) [y](data:text/html,1)",
    "a\n\n<iframe>\n# b | c",
)
texts = st.text(st.characters(exclude_categories=("Cs",))) | st.sampled_from(LIVING)


@functools.cache
def plain() -> list[tuple[str, tuple[str, ...]]]:
    return Elements(render(page(""))).found


@settings(deadline=None, max_examples=20)
@given(text=texts)
def test_any_text_in_the_report_adds_no_element_and_no_attribute(text: str) -> None:
    assert Elements(render(page(text))).found == plain()


@pytest.mark.parametrize("text", LIVING)
def test_text_that_would_live_adds_nothing_to_the_report(text: str) -> None:
    assert Elements(render(page(text))).found == plain()


@settings(deadline=None, max_examples=50)
@given(text=texts)
def test_any_text_in_the_markdown_that_prefect_shows_is_text(text: str) -> None:
    """As a renderer reads it that lets HTML through."""
    inner = [part for block in COMMONMARK.parse(markdown(page(text))) for part in (block, *(block.children or ()))]
    found = {part.type for part in inner}
    assert not found & {"html_block", "html_inline", "image", "link_open", "code_inline", "fence", "code_block"}


def test_scripts_of_the_report_write_text_and_never_markup() -> None:
    scripts = sorted((ROOT / "reporting").rglob("*.js"))
    assert scripts
    for path in scripts:
        assert not re.search(
            r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|Function\(", path.read_text()
        )


# What the page says


def test_every_file_that_the_page_names_is_there() -> None:
    named = re.findall(r"`((?:tests|flows|storage|training)/[\w/.]+)`", (ROOT / "docs" / "security.md").read_text())
    assert len(named) > 15
    assert [name for name in named if not (ROOT / name).exists()] == []


# What was not looked up is no pass


def report(**package: object) -> str:
    return json.dumps({"dependencies": [{"name": "sound", "version": "1", "vulns": []}, package], "fixes": []})


def test_audit_passes_only_what_was_looked_up_and_is_sound() -> None:
    fault = {"id": "GHSA-1", "fix_versions": ["1.1"], "aliases": [], "description": ""}
    sound = verdict(report(name="other", version="2", vulns=[]), "osv")
    unknown = verdict(report(name="other", skip_reason="not found"), "osv")
    harmed = verdict(report(name="other", version="1", vulns=[fault]), "osv")
    assert sound and sound.sound
    assert unknown and not unknown.sound and "NOT AUDITED, osv does not know them: other" in unknown.lines
    assert harmed and not harmed.sound and "other 1: GHSA-1, mended in 1.1" in harmed.lines


def test_audit_that_looked_up_nothing_is_none() -> None:
    skipped = {"dependencies": [{"name": "other", "skip_reason": "not found"}], "fixes": []}
    assert verdict(json.dumps(skipped), "pypi") is None
    assert verdict("", "pypi") is None
