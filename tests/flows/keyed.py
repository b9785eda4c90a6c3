"""Keeps the given key as a secret of Prefect, and says which providers a task then finds a key for."""

import os
import sys

from flows.embedded import start_embedded_server

if __name__ == "__main__":
    os.environ["PREFECT_API_URL"] = start_embedded_server()

    from prefect import flow, task
    from prefect.blocks.system import Secret

    from tasks.asking import provide_key

    @task
    def look() -> None:
        for provider, name in {"gemini": "GEMINI_API_KEY", "openai": "OPENAI_API_KEY"}.items():
            provide_key(provider)
            print(provider, "yes" if os.environ.get(name) == sys.argv[1] else "no")

    @flow
    def looking() -> None:
        look()

    Secret(value=sys.argv[1]).save("gemini-api-key")
    looking()
