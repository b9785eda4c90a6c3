"""The made corpus: real clips with questions, in the layouts of the publishers whose datasets it stands for."""

from prefect import task
from prefect.cache_policies import NO_CACHE

from corpus.make import CorpusParams
from corpus.make import make_corpus as write_corpus
from schemas.runtime import Runtime
from storage.draft import Draft
from tasks.stage import stage


@task(cache_policy=NO_CACHE, persist_result=False)
@stage(version="1", kind="folder")
def make_corpus(draft: Draft, params: CorpusParams, runtime: Runtime) -> None:
    write_corpus(draft.folder, params, runtime.workers)
