"""How training starts its ranks: torchrun here, or one torchrun a node where the runtime names several.

The launcher is a command that starts what follows it once on every node, with PET_NODE_RANK set to 0 where the run
itself is: Slurm's `srun` does, and so may a script over ssh. All nodes see the store under the same path. Only ranks
beside the run watch its pipe; the others end with them, since torchrun ends all nodes when one fails.
"""

import shlex
import sys

from schemas.runtime import Runtime
from schemas.values import UserError


def torchrun(ranks: int, runtime: Runtime) -> list[str]:
    """What starts so many copies of the module that follows it. Raises UserError where nodes cannot share the ranks."""
    agent = [sys.executable, "-m", "torch.distributed.run"]
    if runtime.nodes == 1:
        return [*agent, "--standalone", f"--nproc-per-node={ranks}"]
    if ranks % runtime.nodes:
        raise UserError(
            f"world_size {ranks} does not divide over {runtime.nodes} nodes: change the stage's world_size, or "
            "CONTEXTFIRST_NODES"
        )
    if not (runtime.rendezvous and runtime.launcher):
        raise UserError(
            f"training over {runtime.nodes} nodes needs CONTEXTFIRST_RENDEZVOUS (host:port of the first node) and "
            "CONTEXTFIRST_LAUNCHER: `contextfirst render slurm RECIPE` shows both"
        )
    host, _, port = runtime.rendezvous.rpartition(":")
    shared = [f"--nnodes={runtime.nodes}", f"--nproc-per-node={ranks // runtime.nodes}"]
    return [*shlex.split(runtime.launcher), *agent, *shared, f"--master-addr={host}", f"--master-port={port}"]
