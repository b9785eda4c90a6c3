"""The vendors' own clients, pointed at the server."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import openai
from google import genai
from google.genai import types
from openai import DefaultAioHttpClient

from tests.llm.vendors.faults import Fault, Faulted
from tests.llm.vendors.question import Question
from tests.llm.vendors.server import Vendors

T = TypeVar("T")
KEY = "key-that-must-not-leak"
SESSION = "ignore:Inheritance class Aiohttp:DeprecationWarning"
"""Filter of a warning: Gemini's client derives its session from aiohttp's, which aiohttp discourages."""


def with_openai(vendors: Vendors, use: Callable[[openai.AsyncOpenAI], Awaitable[T]]) -> T:
    async def ask() -> T:
        client = openai.AsyncOpenAI(
            api_key=KEY, base_url=vendors.openai, max_retries=0, http_client=DefaultAioHttpClient()
        )
        async with client:
            return await use(client)

    return asyncio.run(ask())


def with_gemini(vendors: Vendors, use: Callable[[Any], Awaitable[T]]) -> T:
    async def ask() -> T:
        once = types.HttpRetryOptions(attempts=1)  # else the SDK itself asks again after up to ten seconds
        options = types.HttpOptions(base_url=vendors.gemini, retry_options=once)
        client = genai.Client(api_key=KEY, http_options=options)
        try:
            return await use(client.aio)
        finally:
            await client.aio.aclose()
            client.close()

    return asyncio.run(ask())


def chat(vendors: Vendors, text: object = "What is heard?", **settings: Any) -> Any:
    messages: Any = [{"role": "user", "content": text}]
    return with_openai(vendors, lambda client: client.chat.completions.create(model="m", messages=messages, **settings))


def generate(vendors: Vendors, contents: Any = "What is heard?", **settings: Any) -> Any:
    asked = types.GenerateContentConfig(**settings)
    return with_gemini(
        vendors, lambda client: client.models.generate_content(model="m", contents=contents, config=asked)
    )


def failing(fault: Fault) -> Callable[[Question], str]:
    def say(question: Question) -> str:
        raise Faulted(fault, "as asked for")

    return say
