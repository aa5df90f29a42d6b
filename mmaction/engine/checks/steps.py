"""Do two pipelines make the same of a clip?"""

import inspect
from collections.abc import Iterator, Mapping
from typing import Any

from mmaction.registry import TRANSFORMS
from mmaction.utils.config import dataset_config, type_name

# A step of these kinds changes the meaning of the input, so that it is missed where only one pipeline has it.
MEANING = {"PreNormalize2D", "PreNormalize3D", "GenSkeFeat", "JointToBone", "ToMotion", "Normalize"}
# How many views are taken, how files are read: they change the figures a little or not at all.
FREE_ARGUMENTS = {
    *("num_clips", "twice_sample", "num_sample_positions", "double", "test_mode"),
    *("io_backend", "num_threads", "mode", "backend", "decoding_backend"),
}
# Beside the steps of MEANING, what training and testing must have in common.
COMMON_ARGUMENTS = {"clip_len", "frame_interval", "sigma", "use_score", "with_kp", "with_limb"}

Steps = dict[str, Mapping[str, Any]]


def steps_of(cfg: Mapping[str, Any], split: str) -> Steps:
    """Return the configs of the steps of a split by type; of several of one type the last."""
    steps = dataset_config(cfg, [split]).get("pipeline") or cfg.get(f"{split}_pipeline") or []
    return {type_name(step): step for step in steps if isinstance(step, Mapping)}


def changed_arguments(steps: Steps, others: Steps) -> Iterator[tuple[str, str, Any, Any]]:
    """Yield type, name and both values of each argument that differs in steps which two pipelines have."""
    for kind in [kind for kind in steps if kind in others]:
        now, other = (_arguments(kind, part[kind]) for part in (steps, others))
        for key in sorted({*now, *other} - FREE_ARGUMENTS):
            if plain(now.get(key)) != plain(other.get(key)):
                yield kind, key, now.get(key), other.get(key)


def one_sided(steps: Steps, others: Steps) -> list[str]:
    """Return the types in :data:`MEANING` that one pipeline alone has."""
    return sorted(MEANING & (steps.keys() ^ others.keys())) if steps and others else []


def pipelines_warning(cfg: Mapping[str, Any]) -> str | None:
    """Say where a config trains a network on other input than it validates or tests it with."""
    train, found = steps_of(cfg, "train"), []
    for split in ("val", "test"):
        steps = steps_of(cfg, split)
        found += [f"{kind} is in one of the pipelines train and {split} only" for kind in one_sided(train, steps)]
        for kind, key, value, other in changed_arguments(train, steps):
            if kind in MEANING or key in COMMON_ARGUMENTS:
                found.append(f"{key} of {kind} is {value} in train and {other} in {split}")
    if not found:
        return None
    return f"the network sees another input in training than in testing: {'; '.join(found)}"


def _arguments(kind: str, step: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments of a step, with the defaults of those that it leaves out."""
    built = TRANSFORMS.get(kind)
    parameters = inspect.signature(built).parameters.values() if built else ()
    defaults = {item.name: item.default for item in parameters if item.default is not inspect.Parameter.empty}
    return {**defaults, **{key: value for key, value in step.items() if key != "type"}}


def plain(value: Any) -> Any:
    """Return ``value`` with lists for tuples, as a config that was written and read again has them."""
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in value.items()}
    return [plain(item) for item in value] if isinstance(value, (list, tuple)) else value
