"""Rows that hold a list of questions about one video, as one row a question."""

from collections import Counter
from collections.abc import Iterable, Iterator

from tasks.reading.row import Row


def nested_rows(videos: Iterable[Row], name: str, questions: str) -> Iterator[Row]:
    """Every question with the fields of its video, which is named in the field `name`.

    Keys are "<video>:<number>", numbered from 0 on through every row of that video. A row without a list of
    questions stays one row under its own key: it reads as a question with nothing in it.
    """
    seen: Counter[str] = Counter()
    for video in videos:
        fields = video.value if isinstance(video.value, dict) else {}
        inner = fields.get(questions)
        if not isinstance(inner, list) or not inner:
            yield video
            continue
        shared = {key: value for key, value in fields.items() if key != questions}
        named = shared[name] if isinstance(shared.get(name), str) else video.key
        for question in inner:
            value = {**shared, **question} if isinstance(question, dict) else question
            yield video._replace(key=f"{named}:{seen[named]}", value=value)
            seen[named] += 1
