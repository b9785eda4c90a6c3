"""Which commit `latest`, a branch or a tag of a dataset on the hub is now: asked once a run, before anything else."""

from prefect import task
from prefect.cache_policies import NO_CACHE

from storage.hub import Repository, commit_of
from tasks.hub_faults import RETRIES, RETRY_SECONDS, is_network_fault
from tasks.telling import tell


@task(
    cache_policy=NO_CACHE,
    persist_result=False,
    retries=RETRIES,
    retry_delay_seconds=RETRY_SECONDS,
    retry_condition_fn=is_network_fault,
)
def find_commit(repository: str, revision: str, endpoint: str | None = None) -> str:
    """The 40 hex digits of the commit; one that is given already is not asked for."""
    commit = commit_of(Repository(repository, endpoint), revision)
    tell(f"{repository} at {revision} is commit {commit}")
    return commit
