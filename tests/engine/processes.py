"""Start the processes of distributed runs on this machine."""

import json
import os
import random
import socket
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent


def free_port():
    """A port that nobody uses, below those that the system gives to connections: it is free some seconds later too."""
    for port in random.SystemRandom().sample(range(15_000, 32_000), 50):
        with socket.socket() as probe:
            try:
                probe.bind(("", port))
            except OSError:
                continue
            return port
    raise OSError("50 ports between 15000 and 32000 are all in use")


def environment(**more):
    """The environment of a process whose config imports ``toy``, with ``more`` variables."""
    path = os.pathsep.join([str(HERE), os.environ.get("PYTHONPATH", "")])
    return {**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1", **{k: str(v) for k, v in more.items()}}


def of_torchrun(rank):
    """The place that torchrun gives process ``rank`` of two."""
    return {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": 2, "MASTER_ADDR": "127.0.0.1"}


def run_two(cwd, *steps, place=of_torchrun, timeout_s=900):
    """Run ``steps`` (see run_tools.py) in two processes; return their exit codes and all that they wrote."""
    steps, port = json.dumps([[str(word) for word in step] for step in steps]), free_port()
    processes, logs = [], []
    for rank in (0, 1):
        logs.append(Path(cwd, f"process_{rank}.log"))
        variables = environment(MASTER_PORT=port, **place(rank))
        with logs[-1].open("w") as log:
            call = [sys.executable, HERE / "run_tools.py", steps]
            processes.append(subprocess.Popen(call, env=variables, cwd=cwd, stdout=log, stderr=subprocess.STDOUT))
    try:
        codes = [process.wait(timeout_s) for process in processes]
    finally:
        for process in processes:
            process.kill()
            process.wait()
    return codes, "".join(log.read_text() for log in logs)
