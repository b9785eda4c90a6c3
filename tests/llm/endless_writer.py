"""Claims two requests, sends one, records a hundred other answers in the log at the given path, says so, and waits to
be killed."""

import sys
from pathlib import Path

from llm.log import ResponseLog
from llm.request import Outcome
from tests.llm.scripted import asked

ANSWERS = 100

if __name__ == "__main__":
    log = ResponseLog(Path(sys.argv[1]))
    log.claim([asked("left open 0"), asked("left open 1")])
    log.sent(asked("left open 0"))
    for number in range(ANSWERS):
        request = asked(f"question {number}")
        log.record(request, Outcome(identity=request.identity, text=f"answer {number}"))
    print("recorded", flush=True)
    sys.stdin.read()
