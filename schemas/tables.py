"""Arrow schemas of what evaluation writes: predictions, judgements and scores by completion, metrics, means."""

import pyarrow as pa

PREDICTIONS = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("draw", pa.int32(), nullable=False),
        pa.field("prompt", pa.string(), nullable=False),
        pa.field("text", pa.string(), nullable=False),
        pa.field("tokens", pa.int32(), nullable=False),
        pa.field("truncated", pa.bool_(), nullable=False),
        pa.field("load_error", pa.string(), nullable=True),
        pa.field("refusal", pa.string(), nullable=True),
    ]
)
"""One completion. draw: 0 for greedy, 0..n-1 for samples. load_error: why the example could not be shown as asked, such
as media that cannot be read; else null. refusal: why a provider held its model's reply back, which is then no answer;
null otherwise."""

SCORES = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("draw", pa.int32(), nullable=False),
        pa.field("benchmark", pa.string(), nullable=False),
        pa.field("group", pa.string(), nullable=False),
        pa.field("family", pa.string(), nullable=False),
        pa.field("category", pa.string(), nullable=False),
        pa.field("answer_kind", pa.string(), nullable=False),
        pa.field("gold", pa.string(), nullable=False),
        pa.field("given", pa.string(), nullable=False),
        pa.field("outcome", pa.string(), nullable=False),
        pa.field("value", pa.float64(), nullable=True),
        pa.field("chance", pa.float64(), nullable=False),
        pa.field("well_formed", pa.bool_(), nullable=False),
        pa.field("tokens", pa.int32(), nullable=False),
        pa.field("consistent", pa.bool_(), nullable=True),
        pa.field("rewards", pa.map_(pa.string(), pa.float64()), nullable=False),
    ]
)
"""One scored example. outcome: answered | unanswered | load_error | unjudged. value: 0 to 1; 0 for unanswered, null
for load_error and unjudged. chance: expected value of a uniform guess among the labels. consistent: whether the
reasoning argues for the answer; null where that is not known, or there is no reasoning.
rewards: each reward by name, 0 to 1, as training would have given it; a reward that is not known is left out."""

METRICS = pa.schema(
    [
        pa.field("benchmark", pa.string(), nullable=False),
        pa.field("average", pa.string(), nullable=False),
        pa.field("breakdown", pa.string(), nullable=False),
        pa.field("category", pa.string(), nullable=False),
        pa.field("n", pa.int64(), nullable=False),
        pa.field("answered", pa.int64(), nullable=False),
        pa.field("unanswered", pa.int64(), nullable=False),
        pa.field("unread", pa.int64(), nullable=False),
        pa.field("load_errors", pa.int64(), nullable=False),
        pa.field("unjudged", pa.int64(), nullable=False),
        pa.field("value", pa.float64(), nullable=True),
        pa.field("low", pa.float64(), nullable=True),
        pa.field("high", pa.float64(), nullable=True),
        pa.field("of_answered", pa.float64(), nullable=True),
        pa.field("groups", pa.int64(), nullable=False),
    ]
)
"""One line of a benchmark's official table: `breakdown` is `all`, or the field whose value `category` is. average: how
the line `all` is made, over `questions` or over `categories`. The numbers are those of `tasks.scoring.tally.Cell`."""

JUDGEMENTS = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("draw", pa.int32(), nullable=False),
        pa.field("reward", pa.string(), nullable=False),
        pa.field("value", pa.float64(), nullable=True),
        pa.field("reason", pa.string(), nullable=False),
    ]
)
"""One judged reward of one completion. value is null when the judge failed; reason then says how."""

JUDGED = pa.schema(
    [
        pa.field("benchmark", pa.string(), nullable=False),
        pa.field("reward", pa.string(), nullable=False),
        pa.field("asked", pa.int64(), nullable=False),
        pa.field("known", pa.int64(), nullable=False),
        pa.field("value", pa.float64(), nullable=True),
        pa.field("low", pa.float64(), nullable=True),
        pa.field("high", pa.float64(), nullable=True),
        pa.field("groups", pa.int64(), nullable=False),
        pa.field("unknown", pa.map_(pa.string(), pa.int64()), nullable=False),
    ]
)
"""What a judge said of a benchmark's completions, a line a reward. asked: completions; known: with a value; unknown:
without, by reason. value: the mean, 0 to 1, with its 95% interval clustered by group; null where none is known."""
