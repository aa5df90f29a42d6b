"""Write a trained model as one file that runs without this package's networks, or without torch."""

import json
import re
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.config import Config
from mmengine.dataset import pseudo_collate

from mmaction.apis.clips import pipeline_config
from mmaction.apis.example_clips import run_examples
from mmaction.apis.inference import init_recognizer
from mmaction.engine.results.facts import clip_identity
from mmaction.io.checkpoints import local_path
from mmaction.io.downloads import file_sha256
from mmaction.io.exported import FACTS, FACTS_FILE, FORMAT, ExportedModel, open_exported
from mmaction.io.suffixes import EXPORT_TARGETS
from mmaction.models.preprocess.heatmap import PoseHeatmapPreprocessor
from mmaction.models.recognizers.base import BaseRecognizer
from mmaction.models.recognizers.graph import Heatmaps, ScoreGraph
from mmaction.skeletons import LAYOUTS, layout_of_config
from mmaction.structures.scores import mean_score
from mmaction.utils.cli import needs
from mmaction.utils.config import dataset_config, type_name
from mmaction.utils.files import replacing
from mmaction.version import __version__

LIMIT = 1e-4  # how far a score may lie from PyTorch's, as a share of the greatest
OLDEST_OPSET = 18  # that torch writes
EXAMPLES = 3
INPUT_NAMES = {"RecognizerGCN": "keypoint", "RecognizerFusion": "features"}  # of others imgs, or keypoint for heatmaps


@dataclass
class Export:
    """A file that was written.

    Attributes:
        path: The file.
        facts: What it says of itself.
        difference: Greatest difference of a score from PyTorch's, as a share of the greatest score.
        spread: How far the scores of the made-up clips are from each other, in the same measure; where it is small, the
            difference says little.
        times: For one clip, by program: seconds, and seconds of processor time, from the pipeline's output on.
    """

    path: Path
    facts: dict[str, Any]
    difference: float
    spread: float
    times: dict[str, tuple[float, float]]


def export_model(
    config: str | Path | Config,
    checkpoint: str | Path | None,
    path: str | Path,
    target: str = "onnx",
    opset: int | None = None,
    rounds: int = 5,
    trust_checkpoint: bool = False,
) -> Export:
    """Write a model with its preprocessing to ``path``, if its scores are PyTorch's.

    Args:
        config: Path of a config or a loaded one; or a checkpoint that carries one.
        checkpoint: Path or web address of the weights; None: ``config`` is the checkpoint.
        path: File to write. What is there is replaced when the new file is proved.
        target: ``onnx``, or ``torch`` for a program of :mod:`torch.export`.
        opset: Version of ONNX's operations; None: torch's choice.
        rounds: How often the programs run in turns to be timed.
        trust_checkpoint: As in ``init_recognizer``.

    Raises:
        ValueError: If the target is unknown, the model cannot be exported, or its scores are not PyTorch's.
        ImportError: If a library is missing.
    """
    check_target(target, opset)
    model = init_recognizer(config, checkpoint, "cpu", trust_checkpoint)
    steps, draw = drawn_inside(model)
    given, packed = run_examples(model.cfg, [[dict(step) for step in pipeline_config(model.cfg)], steps], EXAMPLES)
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the exporters, about their own code
        graph, inputs = score_graph(model, draw, packed)
        program = _trace(graph, [torch.as_tensor(values[:2]) for values in inputs.values()])
        facts = describe(model, steps, inputs, graph.heatmaps, checkpoint or config)
        with replacing(path, EXPORT_TARGETS[target]) as aside:
            facts |= WRITERS[target](program, aside, facts, opset)
            exported = open_exported(aside, "cpu", trust=True)
            difference, spread = compare(model, given, exported, inputs)
            times = measure(model, given[:1], exported, inputs, rounds)
    return Export(Path(path), facts, difference, spread, times)


def check_target(target: str, opset: int | None) -> None:
    """Raise ValueError for an unknown target or opset, ImportError where a library is missing."""
    if target not in EXPORT_TARGETS:
        raise ValueError(f"target is one of {', '.join(EXPORT_TARGETS)}; got {target!r}")
    if target == "torch":
        if opset is not None:
            raise ValueError(f"opset {opset}: only ONNX has opsets")
        return
    with needs("to export to ONNX: pip install .[export]"):
        import onnx
        import onnxruntime  # noqa: F401 - which proves the file
        import onnxscript  # noqa: F401 - which torch writes with
    newest = onnx.defs.onnx_opset_version()
    if opset is not None and not OLDEST_OPSET <= opset <= newest:
        raise ValueError(f"opset {opset} is unknown: torch and onnx {onnx.__version__} have {OLDEST_OPSET} to {newest}")


def drawn_inside(model: BaseRecognizer) -> tuple[list[dict[str, Any]], PoseHeatmapPreprocessor | None]:
    """Return the steps of the test pipeline up to what the graph takes, as plain values, and what draws in the graph.

    ValueError if heatmaps are drawn in the middle of the pipeline.
    """
    steps = [{**step, "type": type_name(step)} for step in pipeline_config(model.cfg)]
    types = [step["type"] for step in steps]
    draw = model.data_preprocessor
    draw = draw.preprocessors[[*draw.preprocessors][-1]] if hasattr(draw, "preprocessors") else draw
    draw = draw if isinstance(draw, PoseHeatmapPreprocessor) else None
    if "GeneratePoseTarget" in types:
        at = types.index("GeneratePoseTarget")
        if types[at + 1 :] != ["FormatShape", "PackActionInputs"]:
            raise ValueError(f"heatmaps are exported where FormatShape and PackActionInputs follow; got {types[at:]}")
        arguments = {key: value for key, value in steps[at].items() if key not in ("type", "double")}
        draw = PoseHeatmapPreprocessor(**arguments)
        with_imgs = bool(steps[-1].get("collect_keys"))
        pack = {"type": "PackPoseInputs", "double": steps[at].get("double", False), "with_imgs": with_imgs}
        steps = [*steps[:at], *(steps[at + 1 : -1] if with_imgs else ()), pack]
    try:
        return json.loads(json.dumps(steps)), draw
    except TypeError as error:
        raise ValueError(f"the test pipeline holds what no file can: {error}") from error


def score_graph(
    model: BaseRecognizer, draw: PoseHeatmapPreprocessor | None, packed: Sequence[dict[str, Any]]
) -> tuple[ScoreGraph, dict[str, np.ndarray]]:
    """Return what is exported, and its inputs for the examples ``packed``, (examples, ...) each, by name."""
    name = INPUT_NAMES.get(type_name(model.cfg.model), "keypoint" if draw else "imgs")
    parts = [part["inputs"] if isinstance(part["inputs"], dict) else {name: part["inputs"]} for part in packed]
    inputs = {key: np.stack([part[key].numpy() for part in parts]) for key in parts[0]}
    first, sample = [torch.as_tensor(values[:1]) for values in inputs.values()], packed[0]["data_samples"]
    heatmaps = draw and Heatmaps(draw, first[-1].shape[-2], sample.img_shape, sample.double)
    return ScoreGraph(model, list(inputs), heatmaps, first).eval(), inputs


def describe(
    model: BaseRecognizer,
    steps: Sequence[dict[str, Any]],
    inputs: dict[str, np.ndarray],
    heatmaps: Heatmaps | None,
    source: str | Path | Config,
) -> dict[str, Any]:
    """Return what a file says of itself; see ``docs/export.md``."""
    cfg, head = model.cfg, model.cls_head
    dataset = {key: dataset_config(cfg)[key] for key in ("modality", "filename_tmpl") if key in dataset_config(cfg)}
    layout = layout_of_config(cfg)
    if layout is not None and layout.name in LAYOUTS:
        dataset["metainfo"] = {"layout": layout.name}
    views = {"prob": "probabilities", "score": "logits", None: "logits"}[head.average_clips]
    file = None if isinstance(source, Config) else local_path(source)
    shapes = {name: ["batch", *value.shape[1:]] for name, value in inputs.items()}
    if heatmaps is not None:
        shapes[[*shapes][-1]][2] = "persons"
    return {
        "format": FORMAT,
        "mmaction": __version__,
        "config": Path(cfg.filename).name if cfg.filename else None,
        "checkpoint": file and file.name,
        "checkpoint_sha256": file and file_sha256(file),
        "identity": clip_identity(cfg, pipeline_config(cfg)),
        "num_classes": head.num_classes,
        "classes": model.classes,
        "scores": f"{views}, mean of {next(iter(inputs.values())).shape[1]} views",
        "inputs": [{"name": name, "shape": shapes[name], "dtype": str(inputs[name].dtype)} for name in inputs],
        "img_shape": heatmaps and list(heatmaps.img_shape),
        "dataset": dataset,
        "pipeline": list(steps),
        "custom_imports": cfg.get("custom_imports"),
    }


def _trace(graph: ScoreGraph, example: Sequence[torch.Tensor]) -> torch.export.ExportedProgram:
    """Return the graph as a program for any number of samples; ValueError names what stands in the way."""
    batch, persons = torch.export.Dim("batch", min=1), torch.export.Dim("persons", min=1)
    sizes: list[dict[int, Any]] = [{0: batch} for _ in example]
    if graph.heatmaps is not None:
        sizes[-1][2] = persons
    try:
        return torch.export.export(graph, tuple(example), dynamic_shapes={"inputs": tuple(sizes)}, strict=False)
    except Exception as error:  # the exporter has many classes of its own, and models raise anything
        raise ValueError(f"the model cannot be exported: {_reason(error)}") from error


def _reason(error: BaseException) -> str:
    """Return the operation that an exporter does not know, or the first line of what it says."""
    texts = []
    cause: BaseException | None = error
    while cause is not None:
        texts.append(str(cause))
        cause = cause.__cause__
    operation = re.search(r"No ONNX function found for <OpOverload\(op='([\w.]+)'", "\n".join(texts))
    if operation:
        return f"ONNX has no operation for {operation[1]}"
    lines = [line.strip() for line in texts[-1].splitlines() if line.strip()]
    return f"{type(error).__name__}: {lines[0] if lines else ''}"


def _write_torch(
    program: torch.export.ExportedProgram, path: Path, facts: dict[str, Any], _opset: int | None
) -> dict[str, Any]:
    torch.export.save(program, path, extra_files={FACTS_FILE: json.dumps(facts)})
    return {}


def _write_onnx(
    program: torch.export.ExportedProgram, path: Path, facts: dict[str, Any], opset: int | None
) -> dict[str, Any]:
    names = [entry["name"] for entry in facts["inputs"]]
    try:
        written = torch.onnx.export(
            program, dynamo=True, opset_version=opset, input_names=names, output_names=["scores"], verbose=False
        )
    except torch.onnx.errors.OnnxExporterError as error:
        raise ValueError(f"the model cannot be exported: {_reason(error)}") from error
    assert written is not None
    found = written.model.opset_imports[""]
    if opset is not None and found != opset:
        raise ValueError(f"the model needs ONNX's opset {found}; it cannot be written with opset {opset}")
    written.model.metadata_props[FACTS] = json.dumps({**facts, "opset": found})
    written.save(path, external_data=False)
    return {"opset": found}


WRITERS: dict[str, Callable[..., dict[str, Any]]] = {"onnx": _write_onnx, "torch": _write_torch}


def predict(model: BaseRecognizer, given: Sequence[dict[str, Any]]) -> np.ndarray:
    """Return PyTorch's scores (N, num_classes), float32, as a test computes them."""
    return np.stack([mean_score(sample.pred_score) for sample in model.test_step(pseudo_collate(list(given)))])


def compare(
    model: BaseRecognizer, given: Sequence[dict[str, Any]], exported: ExportedModel, inputs: dict[str, np.ndarray]
) -> tuple[float, float]:
    """Return how far the scores of a file are from PyTorch's, one and several samples at once, and from each other.

    ValueError if they are not the same within :data:`LIMIT`.
    """
    expected = predict(model, given)
    greatest = np.abs(expected).max()
    found = [exported({name: value[:count] for name, value in inputs.items()}) for count in (1, len(given))]
    worst = max(float(np.abs(scores - expected[: len(scores)]).max() / greatest) for scores in found)
    if not worst <= LIMIT:
        raise ValueError(
            f"the exported scores differ from PyTorch's by up to {worst:.1e} of the greatest score, and {LIMIT:g} is "
            "allowed; nothing was written"
        )
    return worst, float(np.ptp(expected, axis=0).max() / greatest)


def measure(
    model: BaseRecognizer,
    given: Sequence[dict[str, Any]],
    exported: ExportedModel,
    inputs: dict[str, np.ndarray],
    rounds: int,
) -> dict[str, tuple[float, float]]:
    """Return the least seconds, and seconds of processor time, of one clip; the programs run in turns."""
    one = {name: value[:1] for name, value in inputs.items()}
    programs: dict[str, Callable[[], Any]] = {
        "PyTorch": lambda: predict(model, given),
        "exported": lambda: exported(one),
    }
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in programs}
    for _ in range(rounds):
        for name, program in programs.items():
            start = time.perf_counter(), time.process_time()
            program()
            times[name].append((time.perf_counter() - start[0], time.process_time() - start[1]))
    return {name: (min(t for t, _ in found), min(t for _, t in found)) for name, found in times.items() if found}
