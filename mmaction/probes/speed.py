"""How fast the data and the model of a config are, and which of the two a training waits for."""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import torch
from mmengine.optim import OptimWrapper
from tqdm import tqdm

from mmaction.datasets.collate import repeat_pseudo_collate
from mmaction.engine.hooks.data_hooks import nested_datasets
from mmaction.models.recognizers.base import BaseRecognizer

SLACK = 1.1


def time_pipeline(dataset: Any, indices: Sequence[int]) -> dict[str, float]:
    """Return the mean milliseconds of a sample in each step of the pipeline, in order, in this process.

    A step has the name of its transform, with a number where one occurs again; ``annotation`` reads the record. The
    first of the samples at ``indices`` (two or more) is not counted, it pays for imports and caches.
    """
    source = list(nested_datasets(dataset))[-1]
    steps = source.pipeline.transforms
    seen: Counter[str] = Counter()
    names = ["annotation"]
    for name in (type(step).__name__ for step in steps):
        seen[name] += 1
        names.append(f"{name} {seen[name]}" if seen[name] > 1 else name)
    totals = dict.fromkeys(names, 0.0)
    for number, index in enumerate(tqdm(indices, desc="data", leave=False)):
        start = time.perf_counter()
        results = source.get_data_info(index % len(source))
        for name, step in zip(names, [None, *steps], strict=True):
            results = step(results) if step is not None else results
            now = time.perf_counter()
            if number:
                totals[name] += now - start
            start = now
    return {name: 1000 * total / max(len(indices) - 1, 1) for name, total in totals.items()}


def time_loader(loader: Iterable, batches: int) -> float:
    """Return the samples a second that a data loader gives, after the batch with which its workers start."""
    iterator = iter(loader)
    next(iterator)
    start, samples = time.perf_counter(), 0
    for _ in range(batches):
        batch = next(iterator, None)
        if batch is None:
            break
        samples += len(batch["data_samples"])
    return samples / max(time.perf_counter() - start, 1e-9)


def time_model(step: Callable[[], Any], batch_size: int, steps: int, device: torch.device) -> float:
    """Return the samples a second of a step of a model, after one to warm up."""

    def wait() -> None:
        if device.type == "cuda":
            torch.cuda.synchronize(device)

    step()
    wait()
    start = time.perf_counter()
    for _ in tqdm(range(steps), desc="model", leave=False):
        step()
    wait()
    return steps * batch_size / (time.perf_counter() - start)


def training_step(
    model: BaseRecognizer, batch: Mapping[str, Any], kind: type[OptimWrapper] = OptimWrapper, **settings: Any
) -> Callable[[], Any]:
    """Return a function that trains ``model`` one step on ``batch``: forward, backward, SGD with ``settings``."""
    model.train()
    trained = [p for p in model.parameters() if p.requires_grad]
    wrapper = kind(optimizer=torch.optim.SGD(trained, lr=0.0, **settings))
    return lambda: model.train_step(dict(batch), wrapper)


def inference_step(model: BaseRecognizer, batch: Mapping[str, Any]) -> Callable[[], Any]:
    """Return a function that predicts ``batch``."""
    model.eval()
    return torch.no_grad()(lambda: model.test_step(dict(batch)))


def load_batch(dataset: Any, size: int) -> dict[str, Any]:
    """Return a batch of the first samples of a data set."""
    return repeat_pseudo_collate([dataset[index % len(dataset)] for index in range(size)])


def verdict(pipeline_ms: Mapping[str, float], loader_rate: float, model_rate: float, workers: int) -> list[str]:
    """Say in sentences which part a run waits for (rates in samples a second), and what would help."""
    total = sum(pipeline_ms.values())
    slowest = max(pipeline_ms, key=lambda name: pipeline_ms[name])
    share = pipeline_ms[slowest] / max(total, 1e-9)
    if loader_rate * SLACK < model_rate:
        needed = -(-model_rate * total // 1000)
        return [
            f"bottleneck: the data. The model could take {model_rate:.3g} samples a second, the loader gives "
            f"{loader_rate:.3g} with {workers} workers; about {needed:.0f} such workers would keep up.",
            f"Of the {total:.3g} ms of a sample, {slowest} takes {share:.0%}: speed that step up first.",
        ]
    return [
        f"bottleneck: the model. The loader gives {loader_rate:.3g} samples a second, the model takes "
        f"{model_rate:.3g}; more workers would not help.",
        f"(The slowest step of the data is {slowest}, {share:.0%} of {total:.3g} ms a sample.)",
    ]
