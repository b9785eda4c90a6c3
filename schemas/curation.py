"""The data half of a recipe: sources, the model to start from, who rewrites and rates, how rows are chosen."""

import re
from typing import Literal

from pydantic import Field, field_validator, model_validator

from schemas.llm import Llm
from schemas.takes import Take
from schemas.training import TinyFamily
from schemas.values import Value

_SLUG = re.compile(r"[a-z0-9][a-z0-9_]*")
_HUB, _CORPUS = "hub:", "corpus:"
_REPOSITORY = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*", re.ASCII)


def slug(name: str) -> str:
    """A name that a part of a recipe may have. Raises ValueError for one it may not."""
    if not _SLUG.fullmatch(name):
        raise ValueError(f"{name!r} must be lower-case letters, digits and underscores")
    return name


class Corpus(Value):
    """The small made corpus: sources may then lie in it, as `corpus:train/video_r1`."""

    seed: int = 0
    train_questions: int = 480
    benchmark_questions: int = 330


class Source(Value):
    """A dataset in its publisher's layout. take: `all`, `first:100`, `last:10%`, `random:50%`.

    folder: a folder of this machine; `corpus:train/video_r1`, in the made corpus; or `hub:owner/name`, a dataset of
    the Hugging Face hub. revision: on the hub `latest`, a branch, a tag or a commit, whose commit is then recorded; of
    a folder what you call its state. files: shell patterns of the files to take, such as `*.json`; all where there are
    none. unpack: list what is in zip and tar archives as if it were unpacked beside them. max_unpacked_gb: stop when
    more comes out of them.
    """

    name: str
    dataset: str
    folder: str
    revision: str = "local"
    files: tuple[str, ...] = ()
    unpack: bool = True
    max_unpacked_gb: float = 1000.0
    take: Take = "all"

    _name = field_validator("name")(slug)

    @property
    def repository(self) -> str | None:
        """`owner/name` of a dataset of the hub, or None for a folder."""
        return self.folder.removeprefix(_HUB) if self.folder.startswith(_HUB) else None

    @property
    def in_corpus(self) -> str | None:
        """The folder inside the made corpus, or None for one elsewhere."""
        return self.folder.removeprefix(_CORPUS) if self.folder.startswith(_CORPUS) else None

    @model_validator(mode="after")
    def _hub_address(self) -> "Source":
        if self.repository is not None and not _REPOSITORY.fullmatch(self.repository):
            raise ValueError(f"folder {self.folder!r} is not `hub:owner/name`")
        if self.repository is not None and self.revision == "local":
            raise ValueError(f"{self.folder} needs a `revision`: `latest`, a branch, a tag or a commit")
        return self


class Model(Value):
    """The model to start from: a folder with a checkpoint, or the tiny random thinker made by a stage.

    tiny_family: whose architecture the tiny one has at a small size.
    """

    folder: str | None = None
    tiny_seed: int | None = None
    tiny_family: TinyFamily = "qwen2_5_omni"

    @model_validator(mode="after")
    def _one_of_both(self) -> "Model":
        if (self.folder is None) == (self.tiny_seed is None):
            raise ValueError("name either `folder` of a checkpoint or `tiny_seed`")
        return self


class Writer(Llm):
    """A language model that writes into rows: it rewrites them, or rates them. A shard is done or not done, as one."""

    rows_per_shard: int = Field(default=256, ge=1)

    @property
    def llm(self) -> Llm:
        """The model alone."""
        return Llm(**self.model_dump(exclude={"rows_per_shard"}))


class Balance(Value):
    """At most `cap` training rows for each value of `field`: a category, `source` or `answer_kind`.

    Rows without the category share the empty value.
    """

    field: str
    cap: int = Field(ge=1)


class Choosing(Value):
    """Thresholds, splits and mixing; all cheap to change.

    min_quality: least composite rating. contamination: what to do with training rows that meet a benchmark, by video,
    by file, or by a question there that holds `ngram_share` of their 8-grams. near_duplicate: share of words in common
    from which two questions with one answer about one video are one; null keeps both. validation_share: of the videos.
    mix: by source, the rows to train on of those that are left: `{video_r1: "random:30%"}`; others are taken whole.
    balance: caps after the mix.
    """

    min_quality: float = 0.0
    contamination: Literal["remove", "stop"] = "stop"
    ngram_share: float = Field(default=0.5, gt=0, le=1)
    near_duplicate: float | None = Field(default=0.95, gt=0, le=1)
    validation_share: float = 0.0
    mix: dict[str, Take] = {}
    balance: Balance | None = None
    seed: int = 0


class Curation(Choosing):
    """How a recipe's rows are chosen. max_reject_share: stop when more of a source is rejected while reading or
    rewriting.
    """

    validation_share: float = 0.1
    max_reject_share: float = 0.2


class Publishing(Value):
    """The dataset for others. media: named by digest, or `embedded` as bytes in columns of their own.

    rows_per_file: at most; embedded media make files hold fewer. creator, url, date: for citation and metadata; url
    and date (2026-01-31) are left out where they are empty.
    """

    media: Literal["referenced", "embedded"] = "referenced"
    rows_per_file: int = Field(default=20_000, ge=1)
    creator: str = "contextfirst"
    url: str = Field(default="", pattern=r"^(https?://\S+)?$")
    date: str = Field(default="", pattern=r"^(\d{4}-\d{2}-\d{2})?$")


class Check(Value):
    """How `contextfirst check` tries the judge of contexts, and on how many rows it counts facts.

    examples: clips that the judge is tried on. below: what a text that earns nothing must score less than. at_least:
    what a faithful one must reach. contexts: rows whose context is counted.
    """

    examples: int = Field(default=20, ge=2)
    below: float = Field(default=0.4, ge=0, le=1)
    at_least: float = Field(default=0.8, ge=0, le=1)
    contexts: int = Field(default=100, ge=1)
    seed: int = 0
