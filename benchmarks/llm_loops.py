"""The least that asks for every row of a Parquet file and writes the answers: workers around one client's call.

    python -m benchmarks.llm_loops aiohttp|openai|gemini ADDRESS ROWS_FOLDER OUT_FILE IN_FLIGHT

It keeps nothing while it runs. A call is tried again as far as the client itself does, and the bare loop over aiohttp
does on 429 and 500. Prints {"rows": answered, "lost": without an answer}.
"""

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

MODEL, MOST_TOKENS, ATTEMPTS = "m", 1024, 6
Ask = Callable[[str], Awaitable[str | None]]


@asynccontextmanager
async def over_aiohttp(address: str) -> AsyncIterator[Ask]:
    import aiohttp

    url = f"{address}/v1/chat/completions"
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:

        async def ask(text: str) -> str | None:
            body = {"model": MODEL, "messages": [{"role": "user", "content": text}], "max_tokens": MOST_TOKENS}
            for _ in range(ATTEMPTS):
                async with session.post(url, json=body) as response:
                    if response.status == 200:
                        return (await response.json())["choices"][0]["message"]["content"]
                    wait = float(response.headers.get("Retry-After", 0.5))
                await asyncio.sleep(wait)
            return None

        yield ask


@asynccontextmanager
async def over_openai(address: str) -> AsyncIterator[Ask]:
    import openai

    client = openai.AsyncOpenAI(
        api_key="none",
        base_url=f"{address}/v1",
        max_retries=ATTEMPTS - 1,
        http_client=openai.DefaultAioHttpClient(),
    )
    async with client:

        async def ask(text: str) -> str | None:
            completion = await client.chat.completions.create(
                model=MODEL, messages=[{"role": "user", "content": text}], max_tokens=MOST_TOKENS
            )
            return completion.choices[0].message.content

        yield ask


@asynccontextmanager
async def over_gemini(address: str) -> AsyncIterator[Ask]:
    from google import genai
    from google.genai import types

    retrying = types.HttpRetryOptions(attempts=ATTEMPTS)
    options = types.HttpOptions(base_url=address, retry_options=retrying)
    client = genai.Client(api_key="none", http_options=options).aio
    settings = types.GenerateContentConfig(max_output_tokens=MOST_TOKENS)

    async def ask(text: str) -> str | None:
        return (await client.models.generate_content(model=MODEL, contents=text, config=settings)).text

    yield ask
    await client.aclose()


_CLIENTS = {"aiohttp": over_aiohttp, "openai": over_openai, "gemini": over_gemini}


async def answers(client: str, address: str, questions: list[str], in_flight: int) -> list[str | None]:
    found: list[str | None] = [None] * len(questions)
    numbered = iter(enumerate(questions))

    async def work(ask: Ask) -> None:
        for number, question in numbered:
            found[number] = await ask(question)

    async with _CLIENTS[client](address) as ask:
        await asyncio.gather(*(work(ask) for _ in range(in_flight)))
    return found


def main() -> None:
    client, address, folder, out, in_flight = sys.argv[1:6]
    rows = pq.read_table(next(Path(folder).glob("*.parquet")), columns=["id", "question"])
    found = asyncio.run(answers(client, address, rows["question"].to_pylist(), int(in_flight)))
    pq.write_table(pa.table({"id": rows["id"], "text": found}), out, compression="zstd")
    lost = found.count(None)
    print(json.dumps({"rows": len(found) - lost, "lost": lost}))


if __name__ == "__main__":
    main()
