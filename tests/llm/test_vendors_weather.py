"""The server fails, waits and counts the same way for everyone."""

import asyncio
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import openai
import pytest
from google.genai import errors

from tests.llm.vendors.clients import KEY, SESSION, chat, generate, with_gemini, with_openai
from tests.llm.vendors.faults import Behaviour, Drawn
from tests.llm.vendors.server import Vendors, serving

pytestmark = pytest.mark.filterwarnings(SESSION)
ROOT = Path(__file__).resolve().parents[2]


def test_same_seed_draws_the_same_weather_and_another_seed_another() -> None:
    def weather(seed: int) -> list[Drawn]:
        behaviour = Behaviour(seed=seed, latency=0.2, faults={"error": 0.1, "overloaded": 0.2})
        return [(behaviour.draw(f"key {number}", attempt)) for number in range(2000) for attempt in (1, 2)]

    first = weather(1)
    assert first == weather(1)
    assert first != weather(2)
    latencies = sorted(latency for latency, _ in first)
    assert 0.19 < latencies[2000] < 0.21
    faults = [fault for _, fault in first]
    assert 0.08 < faults.count("error") / 4000 < 0.12
    assert 0.18 < faults.count("overloaded") / 4000 < 0.22


def test_share_of_faults_meets_the_same_questions_whoever_asks() -> None:
    def failed(ask: Callable[[Vendors, str], object]) -> set[int]:
        found = set()
        with serving(Behaviour(seed=3, faults={"error": 0.5})) as vendors:
            for number in range(8):
                try:
                    ask(vendors, f"question {number}")
                except (openai.APIError, errors.APIError):
                    found.add(number)
        return found

    unlucky = failed(chat)
    assert unlucky == failed(generate)
    assert 0 < len(unlucky) < 8


def many(vendors: Vendors, number: int) -> list[object]:
    async def ask(client: openai.AsyncOpenAI) -> list[object]:
        calls = [
            client.chat.completions.create(model="m", messages=[{"role": "user", "content": str(one)}])
            for one in range(number)
        ]
        return await asyncio.gather(*calls, return_exceptions=True)

    return with_openai(vendors, ask)


def test_more_questions_than_places_wait_in_line_or_are_sent_away() -> None:
    with serving(Behaviour(latency=0.02, slots=2)) as vendors:
        assert all(not isinstance(one, Exception) for one in many(vendors, 9))
        assert vendors.counters.most_in_flight > 2
    with serving(Behaviour(latency=0.1, slots=2, most_waiting=1)) as vendors:
        refused = [one for one in many(vendors, 9) if isinstance(one, openai.RateLimitError)]
    assert 0 < len(refused) < 9
    assert vendors.counters.faults["overloaded"] == len(refused)


def test_outage_turns_everyone_away_until_it_ends() -> None:
    with serving() as vendors:
        vendors.desk.down = True
        with pytest.raises(openai.InternalServerError):
            chat(vendors)
        with pytest.raises(errors.ServerError):
            with_gemini(vendors, lambda client: client.files.get(name="files/a"))
        vendors.desk.down = False
        chat(vendors)
    assert vendors.counters.turned_away == {"unavailable": 2}
    with serving(Behaviour(outage=(0, 600))) as vendors, pytest.raises(openai.InternalServerError):
        chat(vendors)


def test_answer_that_nobody_waits_for_is_counted_as_given_away() -> None:
    with serving(Behaviour(latency=0.3, sigma=0)) as vendors:
        with pytest.raises(openai.APITimeoutError):
            chat(vendors, timeout=0.05)
        chat(vendors, "another")
    assert (vendors.counters.dead, vendors.counters.answered.total()) == (1, 1)


def test_server_in_a_process_of_its_own_is_told_and_tells_by_its_control() -> None:
    command = [sys.executable, "-m", "tests.llm.vendors.server", "--behaviour", '{"models": ["m"]}']
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        try:
            vendors = Vendors(Behaviour(), str)
            vendors.port = json.loads(process.stdout.readline())["port"]
            chat(vendors)
            chat(vendors)
            told = control(vendors)
            assert (told["asked"], told["contents"], told["repeats"]) == (2, 1, 1)
            assert told["api_keys"] == [KEY]
            assert control(vendors, reset=True, behaviour={"faults": {"error": 1}})["asked"] == 0
            with pytest.raises(openai.InternalServerError):
                chat(vendors)
            control(vendors, down=True)
            with pytest.raises(openai.InternalServerError):
                chat(vendors)
            told = control(vendors)
        finally:
            process.terminate()
    assert (told["faults"], told["turned_away"]) == ({"error": 1}, {"unavailable": 1})


def control(vendors: Vendors, **wanted: object) -> dict[str, Any]:
    request = Request(f"{vendors.gemini}/control", json.dumps(wanted).encode() if wanted else None)
    with urlopen(request) as response:
        return json.load(response)
