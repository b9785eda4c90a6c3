"""Keeps the given key as a secret of Prefect, and says which providers a task then finds a key for."""

import os
import sys

from prefect import flow, task
from prefect.blocks.system import Secret
from prefect.settings import PREFECT_API_URL, temporary_settings

from flows.embedded import start_embedded_server
from tasks.asking import provide_key


@task
def look() -> None:
    for provider, name in {"gemini": "GEMINI_API_KEY", "openai": "OPENAI_API_KEY"}.items():
        provide_key(provider)
        print(provider, "yes" if os.environ.get(name) == sys.argv[1] else "no")


@flow
def looking() -> None:
    look()


if __name__ == "__main__":
    with temporary_settings({PREFECT_API_URL: start_embedded_server()}):
        Secret(value=sys.argv[1]).save("gemini-api-key")
        looking()
