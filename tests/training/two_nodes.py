"""A launcher: starts what follows twice on this machine, as Slurm's `srun` would on two nodes.

python -m tests.training.two_nodes COMMAND...
"""

import os
import subprocess
import sys


def main() -> None:
    agents = [subprocess.Popen(sys.argv[1:], env=os.environ | {"PET_NODE_RANK": str(rank)}) for rank in range(2)]
    codes = [agent.wait() for agent in agents]
    sys.exit(max(map(abs, codes)))


if __name__ == "__main__":
    main()
