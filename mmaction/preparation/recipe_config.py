"""The text of the config that a recipe describes."""

import json

from mmaction.preparation.recipe import DataRecipe
from mmaction.preparation.recipe_data import MOST_PERSONS, Data
from mmaction.preparation.recipe_nets import TOLD

SPLITS = ("train", "val", "test")


def leaf(recipe: DataRecipe) -> str:
    """Return the text of the config."""
    net, data = recipe.net, recipe.data
    weights = _quoted(recipe.weights) if recipe.weights else "None"
    counts = f"{data.counts['train']} clips to train on and {data.counts['val']} to validate on"
    opening = "\n    " if "\n" in net.optim else ""
    return f"""_base_ = [
{_bases(recipe)}]

# {recipe.name} for {counts}.
{_variables(data)}
{_model(recipe, weights)}
load_from = {weights if net.source == "load_from" else None}

{_loaders(recipe)}
# For {recipe.devices} x {recipe.batch} clips; pass --auto-scale-lr where the batch is another.
optim_wrapper = dict({opening}optimizer=dict(lr={recipe.lr:g}){net.optim})
auto_scale_lr = dict(enable=False, base_batch_size={recipe.batch * recipe.devices})
default_hooks = dict(checkpoint=dict(max_keep_ckpts=3))
"""


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _bases(recipe: DataRecipe) -> str:
    net = recipe.net
    bases = [f"models/{net.model}", f"datasets/{net.data or 'pose'}", f"schedules/{net.schedule}", "default_runtime"]
    if recipe.pipeline:
        bases.insert(2, f"pipelines/{recipe.pipeline}")
    return "".join(f'    "mmaction::_base_/{base}.py",\n' for base in bases)


def _variables(data: Data) -> str:
    if data.kind == "skeleton":
        layout, joints, _ = data.layout
        return f"""ann_file = {_quoted(data.root)}
ann_file_train = ann_file_val = ann_file_test = ann_file
train_split, val_split = {_quoted(data.lists["train"])}, {_quoted(data.lists["val"])}
layout, num_joints = {_quoted(layout)}, {joints}
num_classes = {data.classes}
"""
    space = f"label_space={_quoted(data.label_space)}" if data.label_space else ""
    return f"""data_root = {_quoted(data.root)}
ann_file_train = {_quoted(data.lists["train"])}
ann_file_val = ann_file_test = {_quoted(data.lists["val"])}
metainfo = dict({space})
num_classes = {data.classes}
"""


def _model(recipe: DataRecipe, weights: str) -> str:
    """Return the lines that change the model, after those that tell steps of the pipelines of the skeletons."""
    steps = TOLD.get(recipe.pipeline, {})
    text = recipe.net.changes
    if steps:
        told = "".join(f'set_steps(_base_, "{step}", {arguments})\n' for step, arguments in steps.items())
        text = f"from mmaction.utils.config import set_steps\n\n{told}{text}"
    persons = min(max(recipe.data.persons, 1), MOST_PERSONS) if steps else MOST_PERSONS
    for name, value in {"frames": recipe.frames, "pretrained": weights, "persons": persons}.items():
        text = text.replace(f"{{{name}}}", str(value))
    return text


def _loaders(recipe: DataRecipe) -> str:
    """Return the lines of the three loaders, after those that change their pipelines."""
    is_skeleton = recipe.data.kind == "skeleton"
    changes = "" if is_skeleton else _size_changes(recipe)
    shared = "num_classes=num_classes" if is_skeleton else "data_prefix=dict(video=data_root), metainfo=metainfo"
    lines = [f"{changes}clips = dict({shared})"]
    for name in SPLITS:
        arguments = [f"ann_file=ann_file_{name}"]
        if is_skeleton:
            arguments += [f"split={name.replace('test', 'val')}_split", f"pipeline=_base_.{name}_pipeline"]
        elif changes:
            arguments.append(f"pipeline={name}_pipeline")
        dataset = f"dict({', '.join([*arguments, '**clips'])})"
        if is_skeleton and name == "train":
            dataset = f"dict(times={recipe.net.times}, dataset={dataset})"
        batch = "" if name == "test" else f"batch_size={recipe.batch}, "
        lines.append(f"{name}_dataloader = dict({batch}num_workers={recipe.workers}, dataset={dataset})")
    return "\n".join([*lines, ""])


def _size_changes(recipe: DataRecipe) -> str:
    """Return the lines that change frames and size in the pipelines; empty where there is nothing to change."""
    (old_frames, old_size), (frames, size) = recipe.net.data_size, (recipe.frames, recipe.size)
    if (frames, size) == (old_frames, old_size):
        return ""
    old_edge, edge = old_size * 8 // 7, size * 8 // 7
    changes = {old_frames: frames, old_edge: edge, old_size: size}
    pairs = {(-1, old_edge): (-1, edge), (old_size, old_size): (size, size)}
    line = "{0}_pipeline = [{{k: _sizes.get(v, v) for k, v in step.items()}} for step in _base_.{0}_pipeline]\n"
    told = f"# {frames} frames of {size} pixels in place of {old_frames} of {old_size}.\n"
    return f"{told}_sizes = {changes | pairs}\n" + "".join(line.format(name) for name in SPLITS)
