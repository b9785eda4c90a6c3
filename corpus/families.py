"""Which publisher's category stands for which family of questions, in the made benchmarks.

Every value is one that the publisher really uses. A family says which sense a question needs: the picture,
the sound, or both together.
"""

from corpus.templates import Family, Name

CATEGORY_FIELDS = {"intentbench": "Type", "daily_omni": "Type", "worldsense": "task_type"}
"""The publisher's field that holds the category."""

FAMILIES: dict[str, dict[str, Family]] = {
    "intentbench": {
        "what": "picture",
        "how": "sound",
        "deception": "sound",
        "when": "joint",
        "emotion": "joint",
    },
    "daily_omni": {
        "Context understanding": "picture",
        "Event Sequence": "sound",
        "AV Event Alignment": "joint",
    },
    "worldsense": {
        "Attribute Recognition": "picture",
        "Audio Recognition": "sound",
        "Relation Reasoning": "joint",
    },
}

CATEGORIES: dict[str, dict[Family, str]] = {
    "daily_omni": {family: value for value, family in FAMILIES["daily_omni"].items()},
    "worldsense": {family: value for value, family in FAMILIES["worldsense"].items()},
}
"""The category of a question by its family, where one family has one category."""

INTENTBENCH_TYPES: dict[Name, str] = {
    "colour": "what",
    "direction": "what",
    "count": "how",
    "colour_at_high": "when",
    "colour_at_low": "when",
    "mood": "emotion",
    "judge": "deception",
}
"""IntentBench names the type after the question's first word, but for its emotion and deception parts."""
