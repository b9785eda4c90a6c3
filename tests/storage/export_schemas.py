"""The rows of other trainers as JSON schemas, from each project's own documentation (named in storage/exports)."""

from typing import Any

Schema = dict[str, Any]

_PATHS: Schema = {"type": "array", "items": {"type": "string", "minLength": 1}}
_MEDIA: dict[str, Schema] = dict.fromkeys(("images", "videos", "audios"), _PATHS)


def _object(required: dict[str, Schema], optional: dict[str, Schema] | None = None, further: bool = False) -> Schema:
    return {
        "type": "object",
        "required": list(required),
        "properties": required | (optional or {}),
        "additionalProperties": further,
    }


def _turn(role: str, **names: str) -> Schema:
    return _object({names["who"]: {"const": role}, names["what"]: {"type": "string"}})


def _turns(*turns: Schema) -> Schema:
    return {"type": "array", "prefixItems": list(turns), "minItems": len(turns), "maxItems": len(turns)}


_TEXT: Schema = {"type": "string", "minLength": 1}

LLAMA_FACTORY = _object(
    {
        "conversations": _turns(_turn("human", who="from", what="value"), _turn("gpt", who="from", what="value")),
        "system": _TEXT,
    },
    _MEDIA,
)
DATASET_INFO: Schema = {
    "type": "object",
    "minProperties": 1,
    "additionalProperties": _object(
        {
            "file_name": _TEXT,
            "formatting": {"enum": ["alpaca", "sharegpt"]},
            "columns": _object(
                {"messages": {"const": "conversations"}, "system": {"const": "system"}},
                {name: {"const": name} for name in _MEDIA},
            ),
        }
    ),
}
MS_SWIFT = _object(
    {
        "messages": _turns(
            *(_turn(role, who="role", what="content") for role in ("system", "user", "assistant")),
        )
    },
    _MEDIA | {"solution": _TEXT, "answer_kind": _TEXT, "id": _TEXT},
)
VERL = _object(
    {
        "data_source": _TEXT,
        "prompt": _turns(*(_turn(role, who="role", what="content") for role in ("system", "user"))),
        "ability": _TEXT,
        "reward_model": _object({"style": {"enum": ["rule", "model"]}, "ground_truth": _TEXT}),
        "extra_info": _object({"split": _TEXT, "index": {"type": "integer", "minimum": 0}}, further=True),
    },
    _MEDIA,
)
