"""The server of both vendors.

    with serving(Behaviour(latency=0.01), say) as vendors: ...          # in a thread, for tests
    python -m tests.llm.vendors.server [--port 0] [--behaviour JSON]    # prints {"port": ...}

`GET /control` tells the counters' totals; `POST /control` takes `reset`, `down`, `expire` and `behaviour`, whose fields
replace those in force.
"""

import argparse
import asyncio
import json
import re
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from types import ModuleType

try:
    import uvloop  # costs less, which matters to what is measured beside it
except ImportError:
    uvloop = None

from tests.llm.vendors import gemini_shape, openai_shape
from tests.llm.vendors.counters import Counters
from tests.llm.vendors.desk import Desk, Say
from tests.llm.vendors.faults import Behaviour, Faulted
from tests.llm.vendors.gemini_batches import Batches
from tests.llm.vendors.gemini_files import Files
from tests.llm.vendors.protocol import Answer, Connection, Received
from tests.llm.vendors.question import Medium, default_reply, parsed

_MODEL = re.compile(r"/v1(?:beta)?/models/([^:/]+):(\w+)")
_FILE = re.compile(r"/v1(?:beta)?/(files/[^:/]+)(:download)?")
_BATCH = re.compile(r"/v1(?:beta)?/(batches/[^:/]+)(:cancel)?")
_UPLOAD = re.compile(r"/upload/v1(?:beta)?/files")


class Vendors:
    """Both vendors behind one port. desk: behaviour, counters, `down`. mishap: what went wrong in the server itself."""

    def __init__(self, behaviour: Behaviour, say: Say) -> None:
        self.desk = Desk(behaviour, say)
        self.files = Files()
        self.batches = Batches(self.files, partial(self.desk.answer_in_batch, self._medium))
        self.port = 0
        self.mishap: Exception | None = None
        self._opened: set[Connection] = set()

    @property
    def counters(self) -> Counters:
        return self.desk.counters

    @property
    def gemini(self) -> str:
        """Base URL for a client of Gemini."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def openai(self) -> str:
        """Base URL for a client of OpenAI."""
        return f"{self.gemini}/v1"

    async def serve(self, port: int, started: Callable[[], None], ended: asyncio.Event | None = None) -> None:
        loop = asyncio.get_running_loop()
        self.desk.began = loop.time()
        listening = await loop.create_server(lambda: Connection(self._take, self._opened), "127.0.0.1", port)
        self.port = listening.sockets[0].getsockname()[1]
        started()
        await (ended or asyncio.Event()).wait()
        listening.close()
        for connection in tuple(self._opened):
            connection.drop()
        await listening.wait_closed()

    def _take(self, received: Received, connection: Connection) -> None:
        try:
            self._route(received, connection)
        except Faulted as fault:
            self.desk.fail(_shape(received), fault, received.api_key, connection)
        except Exception as error:
            self.mishap = error  # raised again when the server ends: a test must not take it for the client's doing
            connection.drop()

    def _route(self, received: Received, connection: Connection) -> None:
        if received.path == "/control":
            connection.send(self._control(received))
        elif received.path == "/v1/chat/completions":
            question = openai_shape.question(received)
            self.desk.admit(received.api_key, question.model)
            self.desk.ask(openai_shape, question, connection)
        elif (match := _MODEL.fullmatch(received.path)) is not None:
            self.desk.admit(received.api_key, match[1])
            self._of_model(received, connection, match[1], match[2])
        else:
            self.desk.admit(received.api_key)
            connection.send(self._other(received))

    def _of_model(self, received: Received, connection: Connection, model: str, method: str) -> None:
        body = parsed(received.body)
        if method == "generateContent":
            question = gemini_shape.question(body, model, received.api_key, self._medium)
            self.desk.ask(gemini_shape, question, connection)
        elif method == "countTokens":
            question = gemini_shape.question(body, model, received.api_key, self._medium)
            connection.send(Answer(200, json.dumps({"totalTokens": question.tokens}).encode()))
        elif method == "batchGenerateContent":
            find = partial(self.files.stored, behaviour=self.desk.behaviour)
            connection.send(self.batches.create(model, body, self.desk.behaviour.polls, find))
        else:
            raise Faulted("not_found", received.path)

    def _other(self, received: Received) -> Answer:
        behaviour = self.desk.behaviour
        if _UPLOAD.fullmatch(received.path):
            if "upload_id" in received.query:
                return self.files.chunk(received, behaviour, self.counters)
            return self.files.begin(received, behaviour, self.gemini)
        if (match := _FILE.fullmatch(received.path)) is not None:
            if match[2]:
                return Answer(200, self.files.stored(match[1], behaviour).content)
            return self.files.answer(received.method, match[1], behaviour)
        if (match := _BATCH.fullmatch(received.path)) is not None:
            return self.batches.answer(received.method, match[1])
        return self._listed(received)

    def _listed(self, received: Received) -> Answer:
        behaviour = self.desk.behaviour
        listings: dict[str, Callable[[], Answer]] = {
            "models": lambda: _shape(received).models(behaviour.models),
            "files": lambda: self.files.listed(behaviour),
            "batches": self.batches.listed,
        }
        version, _, name = received.path.removeprefix("/").partition("/")
        if received.method != "GET" or version not in ("v1", "v1beta") or name not in listings:
            raise Faulted("not_found", received.path)
        return listings[name]()

    def _control(self, received: Received) -> Answer:
        asked = parsed(received.body) if received.method == "POST" else {}
        if asked.get("reset"):
            self.desk.restart()
        if asked.get("expire"):
            self.files.expire()
        self.desk.down = asked.get("down", self.desk.down)
        changed = self.desk.behaviour.model_dump() | asked.get("behaviour", {})
        self.desk.behaviour = Behaviour.model_validate(changed)
        return Answer(200, json.dumps(self.counters.totals()).encode())

    def _medium(self, name: str) -> Medium:
        return self.files.medium(name, self.desk.behaviour)


def _shape(received: Received) -> ModuleType:
    """The two share an address: only a client of Gemini sends its key in a header of its own."""
    return gemini_shape if "x-goog-api-key" in received.headers else openai_shape


@contextmanager
def serving(behaviour: Behaviour | None = None, say: Say = default_reply) -> Iterator[Vendors]:
    """The server in a thread. Raises what went wrong in it, also in `say`."""
    vendors = Vendors(behaviour or Behaviour(), say)
    with ThreadPoolExecutor(1) as thread:
        ready, stop = threading.Event(), []

        async def live() -> None:
            ended = asyncio.Event()
            stop.append(partial(asyncio.get_running_loop().call_soon_threadsafe, ended.set))
            await vendors.serve(0, ready.set, ended)

        served = thread.submit(asyncio.run, live())
        ready.wait()
        try:
            yield vendors
        finally:
            stop[0]()
            served.result()
            if vendors.mishap is not None:
                raise vendors.mishap


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--behaviour", type=Behaviour.model_validate_json, default=Behaviour())
    given = parser.parse_args()
    vendors = Vendors(given.behaviour, default_reply)
    loop = uvloop.new_event_loop if uvloop else None
    with asyncio.Runner(loop_factory=loop) as runner:
        runner.run(vendors.serve(given.port, lambda: print(json.dumps({"port": vendors.port}), flush=True)))


if __name__ == "__main__":
    main()
