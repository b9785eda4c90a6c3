"""How a stage reaches language models: whose key, which response log, within which budget."""

import os
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import cast

from prefect.blocks.system import Secret
from prefect.context import TaskRunContext

from llm.engine import Engine
from llm.providers import KEYS
from llm.segments import gather, share
from schemas.llm import Llm, LlmLimits
from schemas.runtime import Runtime
from storage.draft import Draft
from storage.store import Store


@contextmanager
def asking(draft: Draft, runtime: Runtime, *llms: Llm, by_shards: bool = False) -> Iterator[Engine]:
    """The engine of one artifact: its budget and its failures are its own. llms: who is going to be asked.

    by_shards: a shard's requests come together, so that they may be one job.
    """
    limits = runtime.llm if by_shards else one_by_one(runtime.llm)
    with response_log(runtime, *llms) as log:
        blobs = Store(runtime.store).blobs
        with closing(Engine(log, blobs, limits, scope=draft.folder.name)) as engine:
            yield engine
            draft.notes |= {"asked_again": engine.lost} if engine.lost else {}


def one_by_one(limits: LlmLimits) -> LlmLimits:
    """For who asks a few requests at a time and waits for them: a job for each would cost a day."""
    return limits.model_copy(update={"batch": False})


@contextmanager
def response_log(runtime: Runtime, *llms: Llm) -> Iterator[Path]:
    """This host's log, with what others have answered; what comes to it in the block is theirs afterwards.

    The models' keys are in the environment from here on, where providers and child processes look for them.
    """
    for provider in {llm.provider for llm in llms}:
        provide_key(provider)
    store = Store(runtime.store)
    if not runtime.responses and not store.is_shared:
        yield store.responses
        return
    log = Path(runtime.responses) / store.responses.name if runtime.responses else store.responses
    store.pull_segments()
    gather(log, store.segments)
    try:
        yield log
    finally:
        share(log, store.segments)
        store.share_segments()


def provide_key(provider: str) -> None:
    """A key that is not in the environment may be a secret of Prefect: OPENAI_API_KEY is `openai-api-key` there."""
    name = KEYS.get(provider)
    if name is None or os.environ.get(name) or TaskRunContext.get() is None:
        return
    try:
        secret = cast(Secret[str], Secret.load(name.lower().replace("_", "-")))
    except ValueError:  # there is none; the provider says what it lacks, since some servers need no key
        return
    os.environ[name] = str(secret.get())
