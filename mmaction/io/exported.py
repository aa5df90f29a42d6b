"""Models that ``mmaction export`` wrote: read what they say of themselves, and run them. ONNX files need no torch."""

import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.config import Config
from mmengine.utils import import_modules_from_strings

from mmaction.utils.cli import needs, suggest_file
from mmaction.utils.config import refuse_code

FORMAT = 1
FACTS = "mmaction"  # the entry of an ONNX file's metadata that holds the facts as JSON
FACTS_FILE = "mmaction.json"  # the same in a file of torch.export
FACT_NAMES = ("format", "inputs", "num_classes", "classes", "pipeline", "dataset")
Run = Callable[[dict[str, np.ndarray]], np.ndarray]


@dataclass(frozen=True)
class ExportedModel:
    """A network with its preprocessing: arrays in, scores out.

    Attributes:
        path: The file.
        facts: What it says of itself, see ``docs/export.md``.
        compute: From inputs by name, each (N, ...), to scores (N, num_classes).
    """

    path: Path
    facts: dict[str, Any]
    compute: Run
    looks_at_frames = False  # as far as overlapping windows could use it

    @property
    def cfg(self) -> Config:
        """The test set, as far as clips need it; its pipeline ends with arrays."""
        *steps, pack = self.facts["pipeline"]
        pipeline = [*steps, {**pack, "as_arrays": True}]
        return Config({"test_dataloader": {"dataset": {**self.facts["dataset"], "pipeline": pipeline}}})

    @property
    def classes(self) -> list[str] | None:
        """Class names, where they are known."""
        return self.facts["classes"]

    @property
    def num_scores(self) -> int:
        """Number of classes."""
        return self.facts["num_classes"]

    def share_views(self, count: int) -> None:
        """Do nothing: what the network makes of a frame is inside."""

    def score_clip(self, data: Mapping[str, Any]) -> np.ndarray:
        """Return the scores (num_classes,) of what the pipeline of :attr:`cfg` gives."""
        inputs = data["inputs"]
        self.check_image(data["img_shape"])
        return self({k: v[None] for k, v in inputs.items()} if isinstance(inputs, Mapping) else inputs[None])[0]

    def check_image(self, img_shape: Sequence[int] | None) -> None:
        """Raise ValueError if joints lie in an image of another size than the file draws."""
        expected = self.facts.get("img_shape")
        if expected and list(img_shape or ()) != expected:
            raise ValueError(f"{self.path} draws heatmaps of images of {expected} pixels; got joints in {img_shape}")

    def __call__(self, inputs: np.ndarray | Mapping[str, np.ndarray]) -> np.ndarray:
        """Return the scores (N, num_classes) of N samples, float32.

        ``inputs`` are an array (N, ...), or several by name. ValueError if one is missing, or of another shape or type.
        """
        wanted = self.facts["inputs"]
        given = inputs if isinstance(inputs, Mapping) else {wanted[0]["name"]: inputs}
        if set(given) != {entry["name"] for entry in wanted}:
            names = ", ".join(entry["name"] for entry in wanted)
            raise ValueError(f"{self.path} takes the inputs {names}; got {', '.join(given)}")
        return self.compute({entry["name"]: self._fitting(entry, given[entry["name"]]) for entry in wanted})

    def _fitting(self, entry: Mapping[str, Any], value: np.ndarray) -> np.ndarray:
        """Return one input in its type."""
        shape, dtype = entry["shape"], np.dtype(entry["dtype"])
        fits = len(shape) == value.ndim and all(
            isinstance(size, str) or size == own for size, own in zip(shape, value.shape, strict=True)
        )
        if not fits or not np.can_cast(value.dtype, dtype, "same_kind"):
            raise ValueError(
                f"{self.path} takes {entry['name']} of the shape ({', '.join(map(str, shape))}), {dtype}; got "
                f"{value.shape}, {value.dtype}. It was exported for one test pipeline; export it again for another"
            )
        return np.ascontiguousarray(value, dtype)


def open_exported(path: str | Path, device: str | None = None, trust: bool = False) -> ExportedModel:
    """Return an exported model, ready to run.

    Args:
        path: ``*.onnx``, which onnxruntime runs, or ``*.pt2``, which torch does.
        device: ``cpu`` or ``cuda``; None: a GPU where the library finds one, else the CPU.
        trust: Import the modules that its pipeline comes from, where the config had named some.

    Raises:
        FileNotFoundError: If there is no such file.
        ImportError: If the library is not installed that runs it.
        ValueError: If the file is damaged or was not written by ``mmaction export``, the device is not there,
            or it names modules to import while ``trust`` is False.
    """
    path = Path(path).expanduser()
    if not path.is_file():
        raise FileNotFoundError(f"there is no exported model {path}{suggest_file(path)}")
    text, compute = (_open_torch if path.suffix.lower() == ".pt2" else _open_onnx)(path, device)
    try:
        facts = json.loads(text)
        missing = [name for name in FACT_NAMES if name not in facts]
    except (ValueError, TypeError):
        missing = [FACTS]
    if missing:
        raise ValueError(f"{path} was not written by mmaction export: its metadata lack {', '.join(missing)}")
    if facts["format"] != FORMAT:
        raise ValueError(f"{path} has the format {facts['format']}, and this version reads {FORMAT}; export it again")
    refuse_code({"pipeline": facts["pipeline"], "dataset": facts["dataset"]})
    imports = facts.get("custom_imports")
    if imports and not trust:
        raise ValueError(
            f"{path} needs the modules {imports.get('imports')}, which run code; pass --trust-checkpoint "
            "(trust_checkpoint=True) if you trust its author"
        )
    if imports:
        import_modules_from_strings(**imports)
    return ExportedModel(path, facts, compute)


def _open_onnx(path: Path, device: str | None) -> tuple[str, Run]:
    with needs(f"to run {path} install onnxruntime: pip install .[export]"):
        import onnxruntime
    onnxruntime.set_default_logger_severity(3)  # its warnings are of its own making
    kinds = {"cpu": "CPUExecutionProvider", "cuda": "CUDAExecutionProvider"}
    there = [kind for kind, provider in kinds.items() if provider in onnxruntime.get_available_providers()]
    kind, _, number = (device or there[-1]).partition(":")
    if kind not in there:
        raise ValueError(f"device {device} is not there: onnxruntime runs on {', '.join(there)} here")
    provider = (kinds[kind], {"device_id": number or "0"}) if kind == "cuda" else kinds[kind]
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = int(os.environ.get("OMP_NUM_THREADS") or 0)  # which it does not read itself
    try:
        session = onnxruntime.InferenceSession(path, options, providers=[provider])
    except Exception as error:  # the library has a class of its own for each fault
        raise ValueError(f"{path} is no ONNX model that onnxruntime runs: {str(error).splitlines()[0]}") from error
    text = session.get_modelmeta().custom_metadata_map.get(FACTS, "")
    return text, lambda inputs: session.run(None, inputs)[0]


def _open_torch(path: Path, device: str | None) -> tuple[str, Run]:
    with needs(f"to run {path} install torch, or export the model to ONNX"):
        import torch
    place = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
    if place.type == "cuda" and (place.index or 0) >= torch.cuda.device_count():
        raise ValueError(f"device {device} is not there: PyTorch sees {torch.cuda.device_count()} GPUs; try 'cpu'")
    texts = {FACTS_FILE: ""}
    try:
        program = torch.export.load(path, extra_files=texts)
    except Exception as error:  # damaged bytes make PyTorch raise anything
        raise ValueError(f"{path} is damaged or no file of torch.export: {str(error).splitlines()[0]}") from error
    network = program.module().to(place)
    return texts[FACTS_FILE], partial(_run_torch, network, place)


def _run_torch(network: Any, place: Any, inputs: dict[str, np.ndarray]) -> np.ndarray:
    import torch

    with torch.no_grad():
        return network(*(torch.from_numpy(value).to(place) for value in inputs.values())).cpu().numpy()
