"""Where a question is decided: which attempt it is, whether it fails, what is said, and when that is sent."""

import asyncio
from collections.abc import Callable
from functools import partial
from types import ModuleType
from typing import Any, NamedTuple

from tests.llm.vendors import gemini_shape
from tests.llm.vendors.counters import Counters
from tests.llm.vendors.faults import AT_ONCE, ON_THE_WIRE, Behaviour, Fault, Faulted
from tests.llm.vendors.gemini_shape import FindFile
from tests.llm.vendors.protocol import Answer, Connection
from tests.llm.vendors.question import Question, default_reply
from tests.llm.vendors.slots import Slots

Say = Callable[[Question], str | Answer]
"""The text of a reply, or all that goes back; raises Faulted to fail."""

_MALFORMED = Answer(200, b'{"choices": [{"message": {"content": "half')
_IN_REPLY: tuple[Fault | None, ...] = (None, "blocked", "blocked_prompt", "length")
"""Ends that a vendor tells in a reply, not by an error."""


class Ended(NamedTuple):
    said: str | Answer
    fault: Fault | None
    detail: str = ""


class Desk:
    """down: every answer is the outage's fault. began: seconds of the loop's clock."""

    def __init__(self, behaviour: Behaviour, say: Say) -> None:
        self.behaviour = behaviour
        self.say = say
        self.counters = Counters()
        self.down = False
        self.began = 0.0
        self._slots = Slots()

    def restart(self) -> None:
        """Forget all that was asked."""
        self.counters = Counters()
        self.began = asyncio.get_running_loop().time()

    def admit(self, api_key: str, model: str | None = None) -> None:
        """Raises Faulted at the door: an outage, an unknown key or model."""
        since = asyncio.get_running_loop().time() - self.began
        begin, end = self.behaviour.outage or (0.0, 0.0)
        if self.down or begin <= since < end:
            raise Faulted(self.behaviour.outage_fault, "outage")
        if self.behaviour.api_keys and api_key not in self.behaviour.api_keys:
            raise Faulted("unauthorized")
        if model is not None and self.behaviour.models and model not in self.behaviour.models:
            raise Faulted("unknown_model", model)

    def ask(self, shape: ModuleType, question: Question, connection: Connection) -> None:
        """shape: openai_shape or gemini_shape."""
        counters = self.counters
        question = question._replace(attempt=counters.arrive(question.content, question.api_key))
        latency, drawn = self.behaviour.draw(question.content, question.attempt)
        ended = self._decide(question, drawn)
        finish = partial(self._finish, shape, question, ended, connection, counters)
        if ended.fault in AT_ONCE:
            finish()
        else:
            self._slots.enter(self.behaviour.slots, latency, finish)

    def answer_in_batch(self, find: FindFile, body: dict[str, Any], model: str) -> dict[str, Any]:
        """One of a batch's questions: its `response`, or its `error`. What befalls connections is an error here."""
        try:
            question = gemini_shape.question(body, model, "", find)
        except Faulted as fault:
            return {"error": gemini_shape.status(fault.fault, fault.detail, "", self.behaviour.retry_after)}
        question = question._replace(attempt=self.counters.arrive(question.content, ""))
        said, fault, detail = self._decide(question, self.behaviour.draw(question.content, question.attempt).fault)
        self.counters.leave(question.content, fault, alive=True)
        if fault in _IN_REPLY and isinstance(said, str):
            return {"response": gemini_shape.response(question, said, fault)}
        named: Fault = "error" if fault is None or fault in ON_THE_WIRE or fault == "malformed" else fault
        return {"error": gemini_shape.status(named, detail, "", self.behaviour.retry_after)}

    def fail(self, shape: ModuleType, fault: Faulted, api_key: str, connection: Connection) -> None:
        """What did not get past the door."""
        self.counters.api_keys.add(api_key)
        self.counters.turned_away[fault.fault] += 1
        kind: Fault = "unavailable" if fault.fault in ON_THE_WIRE else fault.fault
        _send(connection, shape.error(kind, fault.detail, api_key, self.behaviour.retry_after), fault.fault)

    def _decide(self, question: Question, drawn: Fault | None) -> Ended:
        if drawn is not None:
            return Ended(default_reply(question), drawn)
        most = self.behaviour.most_waiting
        if most is not None and self._slots.is_full(self.behaviour.slots) and self._slots.waiting >= most:
            return Ended("", "overloaded", "too many requests wait")
        try:
            said = self.say(question)
            return Ended(said, "error" if isinstance(said, Answer) and said.status != 200 else None)
        except Faulted as fault:
            return Ended(default_reply(question), fault.fault, fault.detail)

    def _finish(
        self, shape: ModuleType, question: Question, ended: Ended, connection: Connection, counters: Counters
    ) -> None:
        alive = _send(connection, self._answer(shape, question, ended), ended.fault)
        counters.leave(question.content, ended.fault, alive)

    def _answer(self, shape: ModuleType, question: Question, ended: Ended) -> Answer:
        said, fault, detail = ended
        if isinstance(said, Answer):
            return said
        if fault == "malformed":
            return _MALFORMED
        if fault in _IN_REPLY or fault in ON_THE_WIRE:
            return shape.reply(question, said, fault)
        return shape.error(fault, detail, question.api_key, self.behaviour.retry_after)


def _send(connection: Connection, answer: Answer, fault: Fault | None) -> bool:
    """Whether someone was there to take it."""
    if fault == "hang":
        return True
    if fault == "drop":
        return connection.drop()
    return connection.cut(answer) if fault == "cut" else connection.send(answer)
