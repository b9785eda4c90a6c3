"""Croissant 1.1 metadata with the vocabulary for responsible AI, as JSON-LD: https://docs.mlcommons.org/croissant

Every Parquet file is a FileObject with size and digest; the fields of the examples are read from all files of data/
at once. What a person did not say (`url`, `date`) is left out rather than made up.
"""

from collections.abc import Iterator
from typing import Any

import pyarrow as pa

from storage.digests import hash_file
from storage.publishing.card import LIMITS
from storage.publishing.contents import Contents, counted, written_by
from storage.publishing.features import is_medium
from storage.publishing.licences import addresses

Json = dict[str, Any]

_FORMAT = "application/x-parquet"
_OWN = (
    "annotation",
    "arrayShape",
    "citeAs",
    "column",
    "containedIn",
    "equivalentProperty",
    "excludes",
    "extract",
    "field",
    "fileObject",
    "fileProperty",
    "fileSet",
    "format",
    "includes",
    "isArray",
    "isLiveDataset",
    "jsonPath",
    "key",
    "md5",
    "parentField",
    "path",
    "readLines",
    "recordSet",
    "references",
    "regex",
    "repeated",
    "replace",
    "samplingRate",
    "sdVersion",
    "separator",
    "source",
    "subField",
    "transform",
    "unArchive",
    "value",
)
_CONTEXT: Json = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "sc": "https://schema.org/",
    "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "dct": "http://purl.org/dc/terms/",
    "prov": "http://www.w3.org/ns/prov#",
    "conformsTo": "dct:conformsTo",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "examples": {"@id": "cr:examples", "@type": "@json"},
    **{term: f"cr:{term}" for term in _OWN},
}
_TYPES = {"string": "sc:Text", "double": "sc:Float", "int32": "sc:Integer", "int64": "sc:Integer", "bool": "sc:Boolean"}
_MEDIA = {"video": "sc:VideoObject", "audio": "sc:AudioObject", "image": "sc:ImageObject"}
_SPLITS = {"train": "cr:TrainingSplit", "validation": "cr:ValidationSplit", "test": "cr:TestSplit"}


def croissant(contents: Contents) -> Json:
    """The metadata of a dataset as it lies in its folder."""
    naming = contents.naming
    said = {"url": naming.url, "datePublished": naming.date}
    return {
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": ["http://mlcommons.org/croissant/1.1", "http://mlcommons.org/croissant/RAI/1.0"],
        "name": naming.name,
        "description": f"{naming.title}. {counted(contents.rows, 'question', 'questions')} with gold answers, scene "
        "descriptions and reasoning.",
        "version": f"1.0.0+{contents.manifest.fingerprint[:12]}",
        "license": addresses(contents.tally),
        **{name: value for name, value in said.items() if value},
        "creator": {"@type": "sc:Organization", "name": naming.creator},
        "citeAs": contents.citation(),
        "keywords": ["reasoning", *(kind for (kind,) in sorted(contents.tally.media))],
        "isLiveDataset": False,
        **_provenance(contents),
        **_responsible(contents),
        "distribution": [*_files(contents), _file_set()],
        "recordSet": [_splits(contents), _examples(contents)],
    }


def _provenance(contents: Contents) -> Json:
    homepages = sorted({contents.homepages[name] for name, _ in contents.tally.sources if name in contents.homepages})
    return {
        "prov:wasDerivedFrom": [{"@id": homepage} for homepage in homepages],
        "prov:wasGeneratedBy": {"@type": "prov:Activity", "prov:label": str(contents.manifest.artifact)},
    }


def _responsible(contents: Contents) -> Json:
    """What is true of the rows, from their counts and from the steps behind them."""
    rejected = [step.rows.rejected for step in contents.steps if step.kind == "examples"]
    reasons = sorted({reason for step in rejected for reason in step})
    sources = ", ".join(sorted({source for source, _ in contents.tally.sources}))
    return {
        "rai:dataCollection": f"Questions and answers were read from published datasets: {sources}. Nothing was "
        "collected from people or from the web for this dataset.",
        "rai:dataCollectionType": ["Secondary Data analysis"],
        "rai:dataCollectionRawData": "Video, sound and pictures of the sources, named by the digest of their bytes.",
        "rai:dataCollectionMissingData": "A field that a source does not ship is an empty text or an empty list; a "
        "measure that does not apply to a medium is null.",
        "rai:dataPreprocessingProtocol": [
            "Options and answers were brought into one form, media were opened and measured, and rows were left out "
            f"for these reasons: {', '.join(reasons) or 'none'}."
        ],
        "rai:dataManipulationProtocol": "Questions, options and answers keep the source's words. Generated fields: "
        f"{'; '.join(_written(contents)) or 'none'}.",
        "rai:dataAnnotationProtocol": "Gold answers are the sources'. Ratings from 0 to 1, each with a reason, were "
        f"given for: {', '.join(name for (name,) in sorted(contents.tally.ratings)) or 'nothing'}.",
        "rai:machineAnnotationTools": sorted(
            {
                written_by(provider, model)
                for _, provider, model, _ in contents.tally.generated
                if provider != "publisher"
            }
        ),
        "rai:annotationsPerItem": "One gold answer a question; no human label was added.",
        "rai:dataUseCases": ["Training and validation of models that answer questions about video, sound and pictures"],
        "rai:dataLimitations": list(LIMITS),
        "rai:dataBiases": [
            "Rows by source: "
            + ", ".join(f"{name} {count}" for (name, _), count in sorted(contents.tally.sources.items()))
        ],
        "rai:personalSensitiveInformation": [
            "Media and questions of the sources may show and name people; nothing was added, removed or made anonymous."
        ],
        "rai:dataReleaseMaintenancePlan": ["A change of the rows is a new version with another artifact fingerprint."],
    }


def _written(contents: Contents) -> Iterator[str]:
    for (field, provider, model, prompt), count in sorted(contents.tally.generated.items()):
        by = f"{written_by(provider, model)}, prompt {prompt}" if prompt else written_by(provider, model)
        yield f"{field} of {counted(count, 'row', 'rows')} ({by})"


def _files(contents: Contents) -> Iterator[Json]:
    for path in contents.tables():
        name = path.relative_to(contents.folder).as_posix()
        yield {
            "@type": "cr:FileObject",
            "@id": name,
            "name": path.name,
            "contentUrl": name,
            "contentSize": f"{path.stat().st_size} B",
            "encodingFormat": _FORMAT,
            "sha256": hash_file(path),
        }


def _file_set() -> Json:
    return {
        "@type": "cr:FileSet",
        "@id": "parquet",
        "name": "parquet",
        "description": "All files of examples.",
        "encodingFormat": _FORMAT,
        "includes": "data/*.parquet",
    }


def _splits(contents: Contents) -> Json:
    return {
        "@type": "cr:RecordSet",
        "@id": "splits",
        "name": "splits",
        "dataType": "cr:Split",
        "key": {"@id": "splits/name"},
        "field": [
            {"@type": "cr:Field", "@id": "splits/name", "name": "name", "dataType": "sc:Text"},
            {"@type": "cr:Field", "@id": "splits/url", "name": "url", "dataType": "sc:URL"},
        ],
        "data": [
            {"splits/name": split.name, "splits/url": _SPLITS.get(split.name, "cr:Split")} for split in contents.splits
        ],
    }


def _examples(contents: Contents) -> Json:
    return {
        "@type": "cr:RecordSet",
        "@id": "examples",
        "name": "examples",
        "description": f"{counted(contents.rows, 'example', 'examples')}, one a row.",
        "key": {"@id": "examples/id"},
        "field": [_column(field) for field in contents.schema],
    }


def _column(field: pa.Field) -> Json:
    name = f"examples/{field.name}"
    source = {"fileSet": {"@id": "parquet"}, "extract": {"column": field.name}}
    described = {"@type": "cr:Field", "@id": name, "name": field.name}
    if is_medium(field):
        return described | {"dataType": _MEDIA[field.name], "source": source | {"transform": {"jsonPath": "bytes"}}}
    if isinstance(field.type, pa.ListType):
        inner = [_within(name, part, source) for part in field.type.value_type]
        return described | {"isArray": True, "arrayShape": "-1", "source": source, "subField": inner}
    if field.name == "split":
        described["references"] = {"field": {"@id": "splits/name"}}
    return described | {"dataType": _TYPES[str(field.type)], "source": source}


def _within(outer: str, field: pa.Field, source: Json) -> Json:
    return {
        "@type": "cr:Field",
        "@id": f"{outer}/{field.name}",
        "name": field.name,
        "dataType": _TYPES[str(field.type)],
        "isArray": True,
        "arrayShape": "-1",
        "source": source | {"transform": {"jsonPath": f"[*].{field.name}"}},
    }
