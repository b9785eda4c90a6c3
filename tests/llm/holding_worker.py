"""Sets tokens aside and lives until it is killed: `python -m tests.llm.holding_worker LEDGER SCOPE TOKENS`."""

import sys
from pathlib import Path

from llm.ledger import Cost, Ledger

if __name__ == "__main__":
    ledger = Ledger(Path(sys.argv[1]), sys.argv[2], lambda: (0.0, 0))
    with ledger.opened():
        ledger.set_aside(Cost(0.0, int(sys.argv[3])))
    print("held", flush=True)
    sys.stdin.read()
