"""How each benchmark is officially reported: by which categories, averaged how, from answers of which kinds.

A category is known twice: by its key in an Example's categories (our own predictions) and by its field in the
publisher's row (predictions made elsewhere). To add a benchmark: its reader, and a line in METRICS.
"""

from typing import Literal

from schemas.example import AnswerKind
from schemas.values import Value

Average = Literal["questions", "categories"]


class Breakdown(Value):
    """A field by which accuracy is told apart.

    category: its key in an example's categories. raw: its field in the publisher's row. values: those the publisher
    lists, in the order of the paper's table; others are shown after them. several: a question may be of several, and
    counts in each. clock: the publisher's field is a length, MM:SS or seconds, which is told apart by label. joined:
    labels that the paper reports as one, by what it calls them.
    """

    category: str
    raw: str
    values: tuple[str, ...] = ()
    several: bool = False
    clock: bool = False
    joined: dict[str, str] = {}

    def named(self, label: str) -> str:
        """The category of a label."""
        return self.joined.get(label, label)


class Metric(Value):
    """questions: how many the publisher has, where that is one number. average: over all questions alike, or over the
    accuracies of the first breakdown's categories, without those in `beside`. gold, options, id: fields of the
    publisher's row; id where it has one that is unique. plain: options are shipped without labels, whatever they begin
    with.
    """

    kinds: tuple[AnswerKind, ...]
    breakdowns: tuple[Breakdown, ...]
    questions: int | None = None
    average: Average = "questions"
    beside: tuple[str, ...] = ()
    gold: str = "answer"
    options: str = "options"
    id: str = "qid"
    plain: bool = False


_INTENTS = ("why", "how", "what", "when", "who/which", "other", "emotion", "deception")
_EVENTS = ("AV Event Alignment", "Comparative", "Context understanding", "Event Sequence", "Inference", "Reasoning")
_WORLD = (
    "Tech & Science",
    "Culture & Politics",
    "Daily Life",
    "Film & TV",
    "Performance",
    "Games",
    "Sports",
    "Music",
)
_WEB = (
    "Knowledge",
    "Film & Television",
    "Sports Competition",
    "Artistic Performance",
    "Life Record",
    "Multilingual",
)
_LENGTHS = ("<1min", "1-5min", "5-10min", "10-30min")
_LONGEST = {"10-20min": "10-30min", ">20min": "10-30min"}
_LONG_TASKS = ("plotQA", "findNeedle", "ego", "count", "order", "anomaly_reco", "topic_reasoning")
_ABILITIES = (
    "key information retrieval",
    "event understanding",
    "summarization",
    "entity recognition",
    "reasoning",
    "temporal grounding",
)

METRICS: dict[str, Metric] = {
    "intentbench": Metric(
        questions=2689,
        kinds=("choice", "yes_no", "multi_choice"),
        breakdowns=(Breakdown(category="type", raw="Type", values=_INTENTS),),
    ),
    "daily_omni": Metric(
        questions=1197,
        kinds=("choice",),
        breakdowns=(
            Breakdown(category="type", raw="Type", values=_EVENTS),
            Breakdown(category="video_duration", raw="video_duration", values=("30s", "60s")),
        ),
        gold="Answer",
        options="Choice",
    ),
    "worldsense": Metric(
        questions=3172,
        kinds=("choice",),
        breakdowns=(
            Breakdown(category="domain", raw="domain", values=_WORLD),
            Breakdown(category="type", raw="task_type"),
        ),
        options="candidates",
    ),
    "omnivideobench": Metric(
        questions=1000,
        kinds=("choice",),
        breakdowns=(
            Breakdown(category="audio_type", raw="audio_type", values=("Music", "Sound", "Speech")),
            Breakdown(category="duration", raw="duration", values=_LENGTHS, clock=True, joined=_LONGEST),
        ),
        gold="correct_option",
    ),
    "video_holmes": Metric(
        questions=1837,
        kinds=("choice",),
        breakdowns=(
            Breakdown(category="type", raw="Question Type", values=("SR", "IMC", "TCI", "TA", "MHR", "PAR", "CTI")),
        ),
        gold="Answer",
        options="Options",
    ),
    "video_mme": Metric(
        questions=2700,
        kinds=("choice",),
        breakdowns=(
            Breakdown(category="duration", raw="duration", values=("short", "medium", "long")),
            Breakdown(category="domain", raw="domain", values=_WEB),
        ),
        id="question_id",
    ),
    "mlvu": Metric(
        kinds=("choice", "free_text"),
        breakdowns=(Breakdown(category="type", raw="question_type", values=_LONG_TASKS),),
        average="categories",
        beside=("subPlot", "summary"),
        options="candidates",
        plain=True,
    ),
    "lvbench": Metric(
        questions=1549,
        kinds=("choice",),
        breakdowns=(Breakdown(category="type", raw="question_type", values=_ABILITIES, several=True),),
        id="uid",
    ),
    "omnibench": Metric(
        questions=1142,
        kinds=("choice",),
        breakdowns=(
            Breakdown(category="type", raw="task type"),
            Breakdown(category="audio_type", raw="audio type", values=("speech", "sound event", "music")),
        ),
        id="index",
        plain=True,
    ),
}

PLAIN = Metric(kinds=(), breakdowns=())
"""For rows of no benchmark: one mean over all."""
