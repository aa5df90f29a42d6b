"""Checks that a device computes what the CPU computes, and that a training on it can be stopped and repeated."""

import copy
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config

from mmaction.apis.inference import without_pretrained
from mmaction.apis.training import train
from mmaction.engine.device import channels_last, compile_parts, has_bfloat16, products_in_tf32, try_out
from mmaction.engine.optim import AmpOptimWrapper
from mmaction.io.checkpoints import read_checkpoint
from mmaction.models.preprocess import PoseHeatmapPreprocessor
from mmaction.models.recognizers.base import BaseRecognizer
from mmaction.preparation.demo.build import DemoSpec, write_demo_data
from mmaction.probes.made_up import FAMILIES, made_up_batch
from mmaction.registry import MODELS
from mmaction.utils.config import load_config

TOLERANCE = {"float32": 1e-3, "bfloat16": 1e-1, "float16": 3e-2, "compiled": 1e-3}
"""How far logits may differ, as a share of the largest; gradients may differ twice as far."""


class NotHere(Exception):  # noqa: N818 - no error: the check has nothing to look at on this machine
    """A check that this device or machine cannot run; the text says why."""


@dataclass(frozen=True)
class CheckOutcome:
    """What a check has found: its ``state`` is ``ok``, ``failed`` or ``skipped``."""

    name: str
    state: str
    text: str
    seconds: float

    def __str__(self) -> str:
        return f"{self.state:8}{self.name:34}{self.seconds:6.1f} s  {self.text}"

    def as_dict(self) -> dict[str, Any]:
        """Return the fields by name."""
        return asdict(self)


def run_checks(device: torch.device, families: Sequence[str], batch: int = 2) -> Iterator[CheckOutcome]:
    """Run all checks on a device, one after the other; a failed one does not end the others."""
    for name, check in all_checks(device, families, batch):
        start = time.perf_counter()
        try:
            state, text = "ok", check()
        except NotHere as reason:
            state, text = "skipped", str(reason)
        except Exception as error:  # whatever goes wrong on a device is the finding
            state, text = "failed", f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"
        yield CheckOutcome(name, state, text, time.perf_counter() - start)


def all_checks(device: torch.device, families: Sequence[str], batch: int) -> Iterator[tuple[str, Callable[[], str]]]:
    """Yield the name of each check and the function that runs it and returns what it measured."""
    yield "device", lambda: describe_device(device)
    for name in families:
        pair = _Pair(name, device, batch)
        for kind in ("float32", "bfloat16", "float16", "channels-last", "compile"):
            yield f"{name}: {kind}", partial(pair.check, kind)
    yield "heatmaps", lambda: check_heatmaps(device)
    for optimizer in (torch.optim.SGD, torch.optim.AdamW):
        yield f"fused {optimizer.__name__}", partial(check_fused, optimizer, device)
    yield "processes and shards", lambda: check_processes(device)
    yield "resumed training", lambda: check_resuming(device)


def describe_device(device: torch.device) -> str:
    """Return name, memory and versions of a device, and what it computes fast."""
    if device.type != "cuda":
        return f"cpu, {torch.get_num_threads()} threads, PyTorch {torch.__version__}"
    properties = torch.cuda.get_device_properties(device)
    free, total = torch.cuda.mem_get_info(device)
    driver = (
        shutil.which("nvidia-smi")
        and subprocess.run(
            ["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"], capture_output=True, text=True
        ).stdout.split("\n")[0]
    )
    bf16 = "yes" if has_bfloat16("cuda") else "no"
    return (
        f"{properties.name}, compute {properties.major}.{properties.minor}, {free / 2**30:.1f} of {total / 2**30:.1f} "
        f"GiB free, driver {driver or 'unknown'}, CUDA {torch.version.cuda}, cuDNN {torch.backends.cudnn.version()}, "
        f"PyTorch {torch.__version__}, bfloat16 {bf16}, {torch.cuda.device_count()} GPU(s)"
    )


class _Pair:
    """One network on the CPU and on the device, and a batch of noise."""

    def __init__(self, family: str, device: torch.device, batch: int) -> None:
        self.family, self.device, self.batch = family, device, batch
        self._reference: tuple[torch.Tensor, torch.Tensor] | None = None

    def check(self, kind: str) -> str:
        """Compare the device with the CPU in one precision or form."""
        if kind == "float16" and self.device.type == "cpu":
            raise NotHere("a CPU trains in bfloat16")
        if self._reference is None:
            self.cfg = load_config(FAMILIES[self.family])[0]
            torch.manual_seed(0)
            self.model: BaseRecognizer = MODELS.build(without_pretrained(self.cfg.model)).eval()
            self.data = made_up_batch(self.cfg, self.batch)
            self._reference = _logits_and_gradient(self.model, self.data)
        model = copy.deepcopy(self.model).to(self.device)
        if kind == "compile":
            compile_parts(model, try_out(self.device))
        if kind == "channels-last":
            channels_last(model)
        dtype = {"float16": torch.float16, "float32": None, "compile": None}.get(kind, torch.bfloat16)
        cast = torch.autocast(self.device.type, dtype) if dtype else nullcontext()
        with cast, products_in_tf32(self.device, False):
            found = _logits_and_gradient(model, self.data)
        text = _differences(found, self._reference, TOLERANCE["float32" if dtype is None else str(dtype)[6:]])
        if kind in ("bfloat16", "float16"):
            text += f", {_train(model, self.data, kind)}"
        return text


def _logits_and_gradient(model: BaseRecognizer, data: dict[str, Any]) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the logits of a batch and the gradient of all parameters, on the CPU; dropout is off."""
    model.zero_grad()
    prepared = model.data_preprocessor(data, False)
    logits, _ = model.extract_feat(prepared["inputs"], stage="head")
    losses = model.loss(prepared["inputs"], prepared["data_samples"])
    torch.stack([value for name, value in losses.items() if "loss" in name]).sum().backward()
    gradients = [p.grad.flatten().float().cpu() for p in model.parameters() if p.grad is not None]
    return logits.detach().float().cpu(), torch.cat(gradients)


def _differences(found: Sequence[torch.Tensor], wanted: Sequence[torch.Tensor], tolerance: float) -> str:
    """Return how far the device's logits and gradients are from the CPU's; ArithmeticError if too far."""
    logits = ((found[0] - wanted[0]).abs().max() / wanted[0].abs().max()).item()
    gradient = ((found[1] - wanted[1]).norm() / wanted[1].norm()).item()
    text = f"logits differ by {logits:.1e}, gradients by {gradient:.1e} (at most {tolerance:.0e}, {2 * tolerance:.0e})"
    if not (logits <= tolerance and gradient <= 2 * tolerance):
        raise ArithmeticError(text)
    return text


def _train(model: BaseRecognizer, data: dict[str, Any], dtype: str) -> str:
    """Train two steps in mixed precision; ArithmeticError if a loss is not finite."""
    trained = [p for p in model.parameters() if p.requires_grad]
    wrapper = AmpOptimWrapper(dtype=dtype, optimizer=torch.optim.SGD(trained, lr=1e-4))
    model.train()
    losses = [model.train_step(data, wrapper)["loss"].item() for _ in range(2)]
    text = f"loss {losses[0]:.3f}, {losses[1]:.3f}"
    if not torch.tensor(losses).isfinite().all():
        raise ArithmeticError(text)
    return text


def check_heatmaps(device: torch.device) -> str:
    """Compare the heatmaps that a device computes with those that the CPU draws."""
    draw = PoseHeatmapPreprocessor(with_limb=True)
    joints = torch.rand(2, 3, 2, 16, 17, 3, generator=torch.Generator().manual_seed(0)) * torch.tensor([56.0, 56.0, 1])
    wanted = draw.render(joints, (56, 56), double=True)
    found = draw.render(joints.to(device).requires_grad_(), (56, 56), double=True).detach().cpu()
    largest = (found - wanted).abs().max().item()
    if largest > 1e-3:
        raise ArithmeticError(f"heatmaps differ by {largest:.1e}, at most 1e-03")
    return f"differ by {largest:.1e} (at most 1e-03)"


def check_fused(kind: Callable[..., torch.optim.Optimizer], device: torch.device) -> str:
    """Compare three steps of an optimizer in one kernel with the plain ones."""
    results = []
    for fused in (False, True):
        torch.manual_seed(0)
        net = torch.nn.Linear(64, 64).to(device)
        optimizer = kind(net.parameters(), lr=0.01, weight_decay=0.1, fused=fused)
        for step in range(3):
            optimizer.zero_grad()
            net(torch.full((8, 64), 0.1 * (step + 1), device=device)).square().mean().backward()
            optimizer.step()
        results.append(torch.cat([p.detach().flatten() for p in net.parameters()]))
    largest = (results[0] - results[1]).abs().max().item()
    if largest > 1e-5:
        raise ArithmeticError(f"weights differ by {largest:.1e}, at most 1e-05")
    return f"weights differ by {largest:.1e} (at most 1e-05)"


def check_processes(device: torch.device) -> str:
    """Let one process, and one for each GPU, add up a tensor and train a sharded network."""
    texts = []
    for count in dict.fromkeys([1, max(torch.cuda.device_count(), 1)]):
        command = ["-m", "torch.distributed.run", "--standalone", f"--nproc_per_node={count}"]
        program = ["-m", "mmaction.probes.process_check", device.type]
        done = subprocess.run([sys.executable, *command, *program], capture_output=True, text=True, timeout=300)
        if done.returncode:
            raise RuntimeError((done.stderr.strip().splitlines() or ["no message"])[-1])
        texts.append(done.stdout.strip().splitlines()[-1])
    return "; ".join(texts)


def check_resuming(device: torch.device) -> str:
    """Train the demo twice, once in two parts; ArithmeticError if a bit of weights or scaler differs."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_demo_data(
            DemoSpec(num_clips=20, num_classes=5, size=(96, 72)), folder / "data", workers=1, progress=False
        )
        cfg = _demo_config(folder / "data", device)
        whole, parts, again = (folder / part for part in ("whole", "parts", "again"))
        for place in (whole, again):
            train(cfg, work_dir=place, seed=0, amp=True, deterministic=True)
        parts.mkdir()
        shutil.copy(whole / "epoch_1.pth", parts)
        train(cfg, work_dir=parts, seed=0, amp=True, deterministic=True, resume=str(parts / "epoch_1.pth"))
        wanted, *others = (read_checkpoint(place / "epoch_2.pth") for place in (whole, parts, again))
        for what, other in zip(("resumed", "repeated"), others, strict=True):
            bad = [key for key, value in wanted["state_dict"].items() if not value.equal(other["state_dict"][key])]
            if bad or wanted["optimizer"].get("loss_scaler") != other["optimizer"].get("loss_scaler"):
                raise ArithmeticError(
                    f"the {what} training differs in {len(bad)} tensors, such as {bad[:1] or 'scaler'}"
                )
    return "a resumed and a repeated training have the same bits"


def _demo_config(data: Path, device: torch.device) -> Config:
    """Return the config of two short epochs on the demo, with the scaler where there is one."""
    cfg, _ = load_config("c3d-tiny_1xb16-u16-30e_demo-keypoint")
    space = str(data / "classes.csv")
    cfg.model.cls_head.update(num_classes=5, label_space=space)
    for split in ("train", "val", "test"):
        loader = cfg[f"{split}_dataloader"]
        loader.update(batch_size=4, num_workers=0, persistent_workers=False)
        part = loader.dataset.dataset if "dataset" in loader.dataset else loader.dataset
        part.update(
            ann_file=str(data / "skeletons.pkl"), num_classes=5, metainfo={"label_space": space}, filter_cfg=None
        )
    cfg.train_cfg.update(max_epochs=2, val_begin=3)
    cfg.default_hooks.checkpoint.interval = 1
    cfg.param_scheduler = None
    cfg.train_dataloader.dataset.times = 1
    if device.type == "cuda":
        cfg.optim_wrapper.dtype = "float16"
    return cfg
