"""Columns as the `datasets` library describes them, in its two spellings: JSON (in Parquet) and YAML (in the card).

`datasets` infers the same from Arrow's own types, but for media: a struct of bytes and path is only known to be a
video by being declared one. They are declared with `decode: false`, so that a row is plain bytes for everyone; its
decoders need packages that `datasets` does not install.
"""

import json

import pyarrow as pa

from schemas.example import MediaKind

MEDIUM = pa.struct([pa.field("bytes", pa.binary()), pa.field("path", pa.string())])
MEDIA_TYPES: dict[MediaKind, str] = {"video": "Video", "audio": "Audio", "image": "Image"}
_VALUES = {"string": "string", "double": "float64", "int32": "int32", "int64": "int64", "bool": "bool"}


def declared(schema: pa.Schema) -> pa.Schema:
    """The schema with its features in the metadata that `datasets` looks for."""
    features = {field.name: _json(field) for field in schema}
    return schema.with_metadata({"huggingface": json.dumps({"info": {"features": features}})})


def yaml_features(schema: pa.Schema) -> list[dict[str, object]]:
    """The features as `dataset_info` of a card lists them."""
    return [_named(field) for field in schema]


def is_medium(field: pa.Field) -> bool:
    return field.name in MEDIA_TYPES and field.type == MEDIUM


def _json(field: pa.Field) -> dict[str, object]:
    return {"decode": False, "_type": MEDIA_TYPES[field.name]} if is_medium(field) else _json_type(field.type)


def _json_type(kind: pa.DataType) -> dict[str, object]:
    if isinstance(kind, pa.StructType):
        return {field.name: _json_type(field.type) for field in kind}
    if isinstance(kind, pa.ListType):
        return {"feature": _json_type(kind.value_type), "_type": "List"}
    return {"dtype": _VALUES[str(kind)], "_type": "Value"}


def _named(field: pa.Field) -> dict[str, object]:
    if is_medium(field):
        return {"name": field.name, "dtype": {field.name: {"decode": False}}}
    return {"name": field.name, **_yaml_type(field.type)}


def _yaml_type(kind: pa.DataType) -> dict[str, object]:
    if isinstance(kind, pa.StructType):
        return {"struct": [_named(field) for field in kind]}
    if isinstance(kind, pa.ListType):
        inner = _yaml_type(kind.value_type)
        return {"list": inner[next(iter(inner))] if len(inner) == 1 else inner}
    return {"dtype": _VALUES[str(kind)]}
