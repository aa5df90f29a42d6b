"""Several processes on machines without a GPU: same gradients, exact figures, no waiting for the dead."""

import os
import shutil
import signal
import subprocess
import sys
import time
from types import SimpleNamespace

import pytest
import torch
import torch.distributed as dist
from mmengine.runner import Runner
from processes import environment, free_port, of_torchrun, run_two
from toy import find_resumable

from mmaction.engine import build_runner
from mmaction.engine.dist import check_launcher, refuse_sync_bn_on_cpu, start_gloo
from mmaction.engine.process_watch import MAX_SILENT_BEATS, ProcessWatch
from mmaction.io.checkpoints import read_checkpoint
from mmaction.utils.config import load_config

SAME = "model['dropout'] = 0\ntrain_dataloader['batch_size'] = {batch}\n"
# pairs of processes that end after a collective operation; the main thread lets no other one use Python before it goes
LEAVE = """
import os, sys, time
import torch
import torch.distributed as dist
from mmaction.engine.dist import start_gloo

class Last:
    def __del__(self, sleep=time.sleep):
        sleep(0.1)

def end_in_order(rank, port):
    os.environ.update(RANK=str(rank), LOCAL_RANK=str(rank), WORLD_SIZE="2", MASTER_ADDR="127.0.0.1", MASTER_PORT=port)
    start_gloo("pytorch", {})
    sys.setswitchinterval(1000)
    sys.modules["__main__"].last = Last(), torch.ones(4)
    dist.all_reduce(last[1], async_op=True)  # gloo's thread is the last that holds the work
    end = time.monotonic() + 0.3
    while time.monotonic() < end:
        pass
    sys.exit(0)

for port in sys.argv[1:]:
    pair = []
    for rank in (0, 1):
        pair.append(os.fork())
        if pair[-1] == 0:
            end_in_order(rank, port)
    for pid in pair:
        print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)
"""


def torchrun(root, cwd, *command, prefix=(), nodes=()):
    options = nodes or ("--nproc_per_node=2", f"--master_port={free_port()}")
    call = [*prefix, sys.executable, "-m", "torch.distributed.run", *options, *map(str, command)]
    output = cwd / "output.txt"  # no pipe: one that nobody empties would stop the process
    with output.open("w") as file:
        process = subprocess.Popen(call, env=environment(), cwd=cwd, stdout=file, stderr=subprocess.STDOUT)
    process.output = output
    return process


def finish(*processes, timeout_s=900):
    """Wait until all have ended, for ``timeout_s`` together, and check that they ended well."""
    deadline = time.monotonic() + timeout_s
    try:
        codes = [process.wait(max(0, deadline - time.monotonic())) for process in processes]
    except subprocess.TimeoutExpired:
        codes = [process.poll() for process in processes]
    finally:
        for process in processes:
            process.kill()
    said = "\n----\n".join(process.output.read_text()[-4000:] for process in processes)
    assert not any(codes) and None not in codes, f"{codes}: {said}"


def assert_close_weights(path, other):
    ours, theirs = (read_checkpoint(file)["state_dict"] for file in (path, other))
    for key, value in ours.items():
        assert torch.allclose(value, theirs[key], rtol=1e-5, atol=1e-6), key


@pytest.mark.integration
def test_two_processes_equal_one_with_the_same_batch_and_count_the_test_set_exactly(tmp_path, toy, train, test):
    one = toy.write_config(tmp_path, name="one.py", extra=SAME.format(batch=4))
    two = toy.write_config(tmp_path, name="two.py", extra=SAME.format(batch=2))
    train(one, "--work-dir", tmp_path / "one", "--seed", 7)
    checkpoint, common = tmp_path / "one" / "epoch_1.pth", ("--work-dir", tmp_path / "two", "--launcher", "pytorch")
    codes, text = run_two(
        tmp_path,
        ["train", two, *common, "--seed", 7],
        ["test", two, checkpoint, *common, "--cfg-options", "test_dataloader.batch_size=2"],
    )
    assert codes == [0, 0], text[-4000:]
    assert_close_weights(tmp_path / "one" / "epoch_3.pth", tmp_path / "two" / "epoch_3.pth")
    test(one, checkpoint, "--work-dir", tmp_path / "one")
    tables = [(tmp_path / name / "test_epoch_1" / "predictions.csv").read_text() for name in ("one", "two")]
    assert tables[0] == tables[1] and len(tables[0].splitlines()) == 10  # nine samples: 5 + 4 and one repeated
    assert not (tmp_path / ".dist_test").exists()  # MMEngine's folder, which processes on several machines do not share


@pytest.mark.integration
@pytest.mark.slow
def test_a_process_may_be_left_without_a_validation_sample(tmp_path, toy):
    uneven = "train_cfg['max_epochs'] = 1\nval_dataloader['sampler']['round_up'] = False\n"
    config = toy.write_config(tmp_path, val_count=1, extra=uneven)
    codes, text = run_two(tmp_path, ["train", config, "--launcher", "pytorch", "--work-dir", tmp_path / "run"])
    assert codes == [0, 0], text[-4000:]
    assert (tmp_path / "run" / "epoch_1.pth").is_file()


@pytest.mark.integration
@pytest.mark.slow
def test_when_a_process_is_killed_the_other_ends_within_a_minute(root, tmp_path, toy):
    slow = SAME.format(batch=2) + "pipeline[0]['delay_s'] = 0.05\ntrain_cfg['max_epochs'] = 500\n"
    config = toy.write_config(tmp_path, extra=slow)
    port, processes = free_port(), []
    for rank in (0, 1):
        place = environment(MASTER_PORT=port, **of_torchrun(rank))
        call = [sys.executable, root / "tools" / "train.py", config, "--work-dir", tmp_path / "run"]
        call += ["--launcher", "pytorch"]
        processes.append(subprocess.Popen(call, env=place, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
    try:
        deadline = time.monotonic() + 600
        while not (tmp_path / "run" / "epoch_1.pth").exists():
            assert time.monotonic() < deadline and processes[0].poll() is None
            time.sleep(0.2)
        processes[1].send_signal(signal.SIGKILL)
        assert processes[0].wait(timeout=60) not in (0, None)
    finally:
        for process in processes:
            process.kill()
            process.wait()


@pytest.mark.integration
@pytest.mark.slow
@pytest.mark.parametrize(("after", "saved"), [(2, "iter_2.pth"), (None, "epoch_1.pth")])  # None: in the validation
def test_a_process_that_stops_for_sigterm_waits_for_the_one_that_saves(tmp_path, toy, after, saved):
    hooks = f"custom_hooks = [dict(type='ToySigterm', after={after}, rank=1), dict(type='ToySlowSave')]\n"
    config = toy.write_config(tmp_path, extra=SAME.format(batch=4) + hooks)
    codes, text = run_two(tmp_path, ["train", "stops", config, "--work-dir", tmp_path / "run", "--launcher", "pytorch"])
    assert codes[1] == 0, text[-4000:]
    assert find_resumable(tmp_path / "run")[0].name == saved, text[-4000:]
    if after:  # both stop at once; in the validation process 0 may find out from gloo or from the watch
        assert codes[0] == 0 and "has failed; ending" not in text, text[-4000:]


@pytest.fixture
def two_hosts():
    """Two network namespaces joined by a cable."""
    if os.geteuid() or not shutil.which("ip"):
        pytest.skip("needs root and the program ip")
    names = [f"mmaction-{os.getpid()}-{host}" for host in "ab"]
    run = SimpleNamespace(names=names)

    def ip(*words, check=True):
        return subprocess.run(["ip", *words], check=check, capture_output=True, text=True)

    try:
        if any(ip("netns", "add", name, check=False).returncode for name in names):
            pytest.skip("network namespaces are not allowed here")
        ends = [f"vm{os.getpid()}{host}"[-15:] for host in "ab"]
        ip("link", "add", ends[0], "type", "veth", "peer", "name", ends[1])
        for name, end, address in zip(names, ends, ("10.77.0.1/24", "10.77.0.2/24"), strict=True):
            ip("link", "set", end, "netns", name)
            ip("-n", name, "addr", "add", address, "dev", end)
            for device in (end, "lo"):
                ip("-n", name, "link", "set", device, "up")
        run.devices = ends
        yield run
    finally:
        for name in names:
            ip("netns", "del", name, check=False)


@pytest.mark.integration
@pytest.mark.slow
def test_two_hosts_train_together(root, tmp_path, toy, two_hosts):
    config = toy.write_config(tmp_path, extra=SAME.format(batch=2) + "train_cfg['max_epochs'] = 1\n")
    processes = []
    for rank, (name, device) in enumerate(zip(two_hosts.names, two_hosts.devices, strict=True)):
        nodes = ("--nnodes=2", f"--node_rank={rank}", "--nproc_per_node=1", "--master_addr=10.77.0.1",
                 "--master_port=29571")  # fmt: skip
        prefix = ("ip", "netns", "exec", name, "env", f"GLOO_SOCKET_IFNAME={device}")
        (tmp_path / f"host{rank}").mkdir()  # the hosts share the folder of the data and no other
        command = (root / "tools" / "train.py", config, "--work-dir", tmp_path / f"host{rank}", "--launcher", "pytorch")
        processes.append(torchrun(root, tmp_path / f"host{rank}", *command, prefix=prefix, nodes=nodes))
    finish(*processes)
    assert (tmp_path / "host0" / "epoch_1.pth").is_file() and not (tmp_path / "host1" / "epoch_1.pth").exists()


@pytest.mark.integration
@pytest.mark.slow
def test_no_thread_of_gloo_asks_for_python_when_it_is_gone(tmp_path):
    """Without waiting for the threads these processes end with SIGABRT."""
    script = tmp_path / "leave.py"
    script.write_text(LEAVE)
    call = [sys.executable, script, *(str(free_port()) for _ in range(2))]
    done = subprocess.run(call, env=environment(), capture_output=True, text=True, timeout=900)
    assert done.stdout.split() == ["0"] * 4, done.stderr[-4000:]


def of_slurm(rank):
    nodes = {"SLURM_STEP_NODELIST": "node[3-4]", "SLURM_NODELIST": "node[1-4]"}
    return {"SLURM_PROCID": rank, "SLURM_LOCALID": 0, "SLURM_NTASKS": 2, **nodes}


def of_mpi(rank):
    ours = {"RANK": rank, "LOCAL_RANK": rank, "SIZE": 2, "LOCAL_SIZE": 2}
    return {f"OMPI_COMM_WORLD_{name}": value for name, value in ours.items()}


@pytest.fixture
def scontrol(tmp_path, monkeypatch):
    """A program that knows the machines of a SLURM job, as long as it is asked in the right way."""
    program = tmp_path / "bin" / "scontrol"
    program.parent.mkdir()
    program.write_text('#!/bin/sh\n[ "$*" = "show hostnames node[3-4]" ] && printf "127.0.0.1\\nnode4\\n"\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent), prepend=os.pathsep)


@pytest.mark.integration
@pytest.mark.slow
@pytest.mark.parametrize(("launcher", "place"), [("slurm", of_slurm), ("mpi", of_mpi)])
def test_slurm_and_mpi_start_processes_that_train_together(tmp_path, toy, train, scontrol, launcher, place):
    once = SAME + "train_cfg['max_epochs'] = 1\n"
    one = toy.write_config(tmp_path, name="one.py", train_count=8, extra=once.format(batch=8))
    two = toy.write_config(tmp_path, name="two.py", train_count=8, extra=once.format(batch=4))
    options = ("--no-validate", "--seed", 7, "--work-dir")
    codes, text = run_two(tmp_path, ["train", two, "--launcher", launcher, *options, tmp_path / "two"], place=place)
    assert codes == [0, 0], text[-4000:]
    train(one, *options, tmp_path / "one")
    assert_close_weights(tmp_path / "one" / "epoch_1.pth", tmp_path / "two" / "epoch_1.pth")


def test_a_launcher_that_does_not_tell_where_process_0_is_needs_its_address(monkeypatch):
    for name in ("RANK", "WORLD_SIZE", "LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT"):
        monkeypatch.setenv(name, "")  # so that it is put back afterwards
        monkeypatch.delenv(name)
    for name, value in {**of_slurm(0), **of_mpi(0), "PATH": "", "OMPI_COMM_WORLD_SIZE": 4}.items():
        monkeypatch.setenv(name, str(value))
    with pytest.raises(ValueError, match=r"`scontrol show hostnames node\[3-4\]` does not name .* set MASTER_ADDR"):
        start_gloo("slurm", {})
    with pytest.raises(ValueError, match=r"--launcher mpi: the processes are on several machines; set MASTER_ADDR"):
        start_gloo("mpi", {})


def test_batch_norms_cannot_share_their_statistics_on_the_cpu():
    refuse_sync_bn_on_cpu(torch.nn.BatchNorm3d(2), None)
    for model, key in ((torch.nn.BatchNorm3d(2), "torch"), (torch.nn.Sequential(torch.nn.SyncBatchNorm(2)), None)):
        with pytest.raises(ValueError, match="on GPUs only; on the CPU leave out sync_bn"):
            refuse_sync_bn_on_cpu(model, key)


def test_a_launcher_that_did_not_start_the_process_is_named(monkeypatch):
    for name in ("RANK", "WORLD_SIZE", "LOCAL_RANK"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(ValueError, match=r"--launcher pytorch: the variable RANK is not set; start it with `torchrun"):
        start_gloo("pytorch", {})
    with pytest.raises(ValueError, match=r"SLURM_PROCID is not set; start it with `srun`"):
        check_launcher("slurm")
    start_gloo("none", {})
    assert not dist.is_initialized()


@pytest.fixture
def watch(monkeypatch):
    """A watcher of process 1 whose end is noted instead of carried out."""
    reasons = []
    monkeypatch.setattr(ProcessWatch, "_end", lambda self, reason: (reasons.append(reason), self._ended.set()))
    watcher = ProcessWatch(dist.HashStore(), 0, 2, beat_s=0.01)
    watcher.reasons = reasons
    yield watcher
    watcher._ended.set()
    if watcher.ident:
        watcher.join()


def test_a_silent_process_ends_the_watcher(watch):
    watch.start()
    watch.join(timeout=10)
    assert watch.reasons == [f"process 1 has shown no sign of life for {MAX_SILENT_BEATS * 0.01:.0f} s"]


def test_a_failed_process_ends_the_others_and_one_that_is_done_does_not(watch):
    other = ProcessWatch(watch.store, 1, 2, beat_s=0.01)
    other.done()
    watch.start()
    time.sleep(0.5)
    assert watch.is_alive() and watch.reasons == []
    ProcessWatch(watch.store, 1, 2).failed()
    watch.join(timeout=10)
    assert watch.reasons == ["process 1 has failed"]


@pytest.mark.parametrize(("said", "reasons"), [("done", []), ("failed", []), (None, ["process 1 has failed"])])
def test_a_process_has_a_beat_to_end_in_order_after_another_one_has_failed(watch, monkeypatch, said, reasons):
    ended, waits = watch._ended, []

    def wait(timeout):
        waits.append(timeout)
        if len(waits) == 2 and said:  # it has seen the failure
            getattr(watch, said)()
        return ended.is_set()

    monkeypatch.setattr(ended, "wait", wait)
    ProcessWatch(watch.store, 1, 2).failed()
    watch.run()
    assert waits == [watch.beat_s] * 2 and watch.reasons == reasons


def test_who_is_patient_waits_for_the_first_sign_of_life_only(watch):
    watch.is_patient = True
    watch.start()
    time.sleep(0.5)
    assert watch.is_alive() and watch.reasons == []
    watch.store.add("beat-1", 1)
    watch.join(timeout=10)
    assert len(watch.reasons) == 1 and "process 1 has shown no sign of life" in watch.reasons[0]


@pytest.mark.parametrize("part", ["val", "test"])
def test_each_part_of_a_run_is_watched(tmp_path, toy, monkeypatch, part):
    """One process believes that there are two, and that the other one works, until the second part of the run."""
    store = dist.HashStore()
    group = SimpleNamespace(_get_default_store=lambda: store)
    watches = []
    start = ProcessWatch.start
    monkeypatch.setattr(ProcessWatch, "_started", 0)
    monkeypatch.setattr(ProcessWatch, "start", lambda self: (watches.append(self), start(self)))
    runner = build_runner(load_config(toy.write_config(tmp_path), {"work_dir": str(tmp_path / "run")})[0])
    with monkeypatch.context() as patch:
        patch.setattr(dist, "is_initialized", lambda: True)
        patch.setattr(dist, "get_world_size", lambda: 2)
        patch.setattr(dist, "get_rank", lambda: 0)
        patch.setattr(dist, "distributed_c10d", group)
        runner._watch = ProcessWatch.of_default_group()
        with runner._watching_processes():
            pass
        assert watches[0].has_ended
        running = []
        patch.setattr(Runner, part, lambda self: running.append(self._watch.is_alive()))
        getattr(runner, part)()
    assert running == [True] and watches[1].has_ended and watches[1].is_patient
    assert watches[1].store.add("done-0", 0) == 1 and watches[0].store.add("done-0", 0) == 1
