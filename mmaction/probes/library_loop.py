"""The training loop that a network's own library has, measured beside ours. Only transformers has one."""

import tempfile
import time
from collections.abc import Mapping
from typing import Any

import torch

from mmaction.models.backbones.foundation.transformers_video import TransformersVideo
from mmaction.models.recognizers.base import BaseRecognizer
from mmaction.structures.scores import to_numpy


def library_rate(
    model: BaseRecognizer, data: Mapping[str, Any], num_classes: int, steps: int, compiled: bool = False
) -> float | None:
    """Return the clips a second that ``Trainer`` of transformers trains on a batch, after a step to warm up.

    It trains the library's classifier with the sizes of the backbone, in bfloat16 and with the same SGD as ours, on
    clips that wait as the library's processors leave them: normalized, in float32, in main memory.

    Args:
        model: The network; it stays as it is.
        data: A batch as a data loader collates it.
        num_classes: Classes of the classifier.
        steps: Steps to time.
        compiled: Whether the loop compiles the network.

    Returns:
        None where the library of the backbone has no such loop or no classifier (timm, torchvision, this package).
    """
    backbone = model.backbone
    if not isinstance(backbone, TransformersVideo):
        return None
    import transformers

    if type(backbone.model_config) not in transformers.MODEL_FOR_VIDEO_CLASSIFICATION_MAPPING:
        return None
    device = next(model.parameters()).device
    sizes = {
        key: value for key, value in backbone.model_config.to_dict().items() if key not in ("id2label", "label2id")
    }
    config = type(backbone.model_config).from_dict({**sizes, "num_labels": num_classes})
    network = transformers.AutoModelForVideoClassification.from_config(config).to(device)
    if backbone.with_cp:
        backbone.recompute(network)
    with torch.no_grad():
        prepared = model.data_preprocessor(dict(data), False)
    clips = prepared["inputs"].flatten(0, 1).transpose(1, 2).float().cpu()  # (N, T, C, H, W)
    labels = [int(to_numpy(sample.gt_label)[0]) for sample in prepared["data_samples"]]
    names = backbone.family.argument
    samples = [{names: clip, "labels": label} for clip, label in zip(clips, labels, strict=True)]
    clock = _Clock(device)
    with tempfile.TemporaryDirectory() as folder:
        arguments = transformers.TrainingArguments(
            folder,
            max_steps=steps + 1,
            per_device_train_batch_size=len(samples),
            bf16=True,
            use_cpu=device.type == "cpu",
            torch_compile=compiled,
            report_to="none",
            save_strategy="no",
            logging_strategy="no",
            disable_tqdm=True,
        )
        optimizer = torch.optim.SGD(network.parameters(), lr=1e-5, momentum=0.9, fused=True)
        transformers.Trainer(
            network, arguments, train_dataset=samples, optimizers=(optimizer, None), callbacks=[clock.callback()]
        ).train()
    return steps * len(samples) / (clock.times[-1] - clock.times[0])


class _Clock:
    """Notes when each step of a Trainer has ended."""

    def __init__(self, device: torch.device) -> None:
        self.device, self.times = device, list[float]()

    def callback(self) -> Any:
        """Return what the Trainer calls after each step; the GPU is waited for after the first and the last alone."""
        from transformers import TrainerCallback

        clock = self

        class Note(TrainerCallback):
            def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
                if state.global_step in (1, state.max_steps):
                    if clock.device.type == "cuda":
                        torch.cuda.synchronize(clock.device)
                    clock.times.append(time.perf_counter())

        return Note()
