"""Start the processes of distributed runs on this machine."""

import json
import multiprocessing
import os
import random
import runpy
import socket
import sys
from multiprocessing import forkserver
from pathlib import Path
from unittest.mock import patch

HERE = Path(__file__).parent
TIMEOUT_S = 900


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


def execute(words, env, folder, log):
    """Run a program in this process, its output into ``log``."""
    import torch

    os.chdir(folder)
    os.environ.update(env)
    sys.path[:0] = env.get("PYTHONPATH", "").split(os.pathsep)
    with log.open("ab") as file:
        for stream in (1, 2):
            os.dup2(file.fileno(), stream)
    torch.set_num_threads(1)
    sys.argv = words
    sys.path.insert(0, str((folder / words[0]).resolve().parent))
    runpy.run_path(words[0], run_name="__main__")


def start_forked(words, folder, log, env):
    """Start a Python program in a process forked from one that has imported the package."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["preloaded"])
    with patch.dict(os.environ, environment()):  # where it looks for that
        forkserver.ensure_running()
    process = context.Process(target=execute, args=(words, env, folder, log))
    process.start()
    return process


def run_forked(words, folder, log, env=None):
    """Run a Python program in a process forked from one that has imported the package; return its exit code."""
    process = start_forked(words, folder, log, env or {})
    process.join(TIMEOUT_S)
    return process.exitcode


def run_two(cwd, *steps, place=of_torchrun, timeout_s=TIMEOUT_S):
    """Run ``steps`` (see run_tools.py) in two processes; return their exit codes and all that they wrote."""
    words = [str(HERE / "run_tools.py"), json.dumps([[str(word) for word in step] for step in steps])]
    port, logs = free_port(), [Path(cwd, f"process_{rank}.log") for rank in (0, 1)]
    places = [environment(MASTER_PORT=port, **place(rank)) for rank in (0, 1)]
    processes = [start_forked(words, cwd, log, env) for log, env in zip(logs, places, strict=True)]
    try:
        for process in processes:
            process.join(timeout_s)
    finally:
        for process in processes:
            process.kill()
            process.join()
    return [process.exitcode for process in processes], "".join(log.read_text() for log in logs)
