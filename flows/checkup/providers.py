"""The language models of a recipe: is the key there, does the server answer, does it know the models.

The question is the cheapest there is, the list of models. A key goes into a header and nowhere else; what a server says
is not repeated, since some repeat the key.
"""

import os
import urllib.error
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from flows.checkup.asking import fetch
from flows.checkup.finding import Finding
from llm.providers import KEYS
from schemas.llm import Llm
from schemas.recipe import GrpoStage, Recipe

_VENDOR = "https://api.openai.com/v1"
_GEMINI = "https://generativelanguage.googleapis.com"
_SHOWN = 5


class _Question(NamedTuple):
    """Where the models are listed, and under which field and name."""

    address: str
    headers: Mapping[str, str]
    listed: str
    name: str


def providers(recipe: Recipe) -> Iterator[Finding]:
    """A finding or two for each provider that the recipe asks."""
    models: dict[str, set[str]] = {}
    for llm in _asked(recipe):
        models.setdefault(llm.provider, set()).add(llm.model)
    for provider, wanted in sorted(models.items()):
        if provider == "offline":
            yield Finding(part="providers", name=provider, verdict="ok", said="rules of ours; asks nobody")
        elif (question := _question(provider)) is None:
            yield _keyless(provider)
        else:
            yield from _reached(provider, question, wanted)


def _asked(recipe: Recipe) -> Iterator[Llm]:
    yield from (recipe.rewrite, recipe.rate, recipe.judge, *recipe.evaluation.models)
    yield from (stage.params.judge for stage in recipe.stages if isinstance(stage, GrpoStage))


def _question(provider: str) -> _Question | None:
    """None where the settings that it needs are missing."""
    if provider == "gemini":
        key = os.environ.get("GOOGLE_API_KEY") or os.environ.get("GEMINI_API_KEY")
        base = os.environ.get("GEMINI_BASE_URL") or _GEMINI
        headers = {"x-goog-api-key": key or ""}
        return _Question(f"{base.rstrip('/')}/v1beta/models?pageSize=1000", headers, "models", "name") if key else None
    base, key = os.environ.get("OPENAI_BASE_URL"), os.environ.get("OPENAI_API_KEY")
    headers = {"Authorization": f"Bearer {key or 'none'}"}
    address = f"{(base or _VENDOR).rstrip('/')}/models"
    return _Question(address, headers, "data", "id") if base or key else None


def _keyless(provider: str) -> Finding:
    """A key may lie where only a run looks."""
    name = KEYS[provider]
    secret = name.lower().replace("_", "-")
    needs = (
        f"{name}, or OPENAI_BASE_URL of a compatible server" if provider == "openai" else f"{name} or GOOGLE_API_KEY"
    )
    if os.environ.get("PREFECT_API_URL"):
        said = f"{name} is not in the environment; a run takes it from Prefect's secret `{secret}` if there is one"
        return Finding(part="providers", name=provider, verdict="note", said=said, mend=f"see that {secret} is kept")
    said = f"{name} is not set"
    return Finding(part="providers", name=provider, verdict="broken", said=said, mend=f"set {needs} in the environment")


def _reached(provider: str, question: _Question, wanted: set[str]) -> Iterator[Finding]:
    host = question.address.split("://", 1)[-1].split("/", 1)[0].rpartition("@")[2]
    try:
        answer = fetch(question.address, question.headers)
        known = {str(model[question.name]).removeprefix("models/") for model in answer[question.listed]}
    except urllib.error.HTTPError as error:
        yield _refused(provider, host, error.code)
    except (OSError, ValueError) as error:
        why = type(getattr(error, "reason", error)).__name__
        yield _broken(provider, f"{host} does not answer ({why})", "start the server, or correct its address")
    except (LookupError, TypeError):
        yield _broken(provider, f"{host} lists no models: it is no such server", "correct its address")
    else:
        yield Finding(part="providers", name=provider, verdict="ok", said=f"{host} answers and takes the key")
        if missing := sorted(wanted - known):
            yield _unknown(provider, host, missing, sorted(known))


def _refused(provider: str, host: str, status: int) -> Finding:
    if status in (400, 401, 403):  # 400: how Gemini answers a key that is none
        return _broken(provider, f"{host} does not take the key (status {status})", f"correct {KEYS[provider]}")
    if status == 429:
        said, mend = f"{host} answers, and has had enough for now (status 429)", "wait, or raise the quota"
        return Finding(part="providers", name=provider, verdict="note", said=said, mend=mend)
    return _broken(provider, f"{host} answers with status {status}", "correct its address, or try again later")


def _broken(provider: str, said: str, mend: str) -> Finding:
    return Finding(part="providers", name=provider, verdict="broken", said=said, mend=mend)


def _unknown(provider: str, host: str, missing: list[str], known: list[str]) -> Finding:
    """Some servers list less than they serve, so this is no fault yet."""
    some = ", ".join(known[:_SHOWN]) + (", …" if len(known) > _SHOWN else "")
    said = f"{host} does not list {', '.join(missing)}; it lists {some or 'nothing'}"
    return Finding(part="providers", name=provider, verdict="note", said=said, mend="correct `model` in the recipe")
