"""Which layout skeletons have: by name, by description, by a config, or, in the last resort, by a guess."""

import ast
import difflib
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from mmaction.skeletons.layout import Layout, Pairs
from mmaction.skeletons.table import ALIASES, LAYOUTS

AUTO = "auto"
# Transforms that call the layout's name ``dataset``, and what they assume without it, as in MMAction2.
_BY_DATASET = {"JointToBone": "nturgb+d", "ToMotion": "nturgb+d", "GenSkeFeat": "nturgb+d"}
_KEYS = {"name", "joints", "limbs", "root", "sides", "center"}


def get_layout(layout: str | Mapping[str, Any] | Layout) -> Layout:
    """Return a layout by name or alias, or make one from its description.

    Args:
        layout: A name of ``LAYOUTS`` or ``ALIASES``; a ``Layout``; a dict with ``joints`` (V names), ``limbs`` (pairs
            of joint indices or names) and optionally ``name``, ``root``, ``center`` (for graph networks, by default
            the root) and ``sides`` (pairs of a left and a right joint, where the names do not say it, as
            ``left_knee`` and ``right_knee``, ``LKnee`` and ``RKnee``, ``knee_l`` and ``knee_r`` do); or the path of a
            ``.json`` or ``.py`` file with these entries.

    Raises:
        FileNotFoundError: If there is no such file.
        KeyError: If the name is unknown; lists close matches.
        ValueError: If a description lacks a key or contradicts itself.

    Example:
        >>> get_layout("coco").left_joints
        (1, 3, 5, 7, 9, 11, 13, 15)
    """
    if isinstance(layout, Layout):
        return layout
    if isinstance(layout, Mapping):
        return _described(layout)
    if str(layout).endswith((".json", ".py")):
        return _read_layout(Path(layout))
    name = ALIASES.get(layout, layout)
    if name not in LAYOUTS:
        close = difflib.get_close_matches(str(layout), [*LAYOUTS, *ALIASES])
        hint = f"did you mean {' or '.join(map(repr, close))}? " if close else ""
        raise KeyError(
            f"unknown skeleton layout {layout!r}; {hint}known: {', '.join(LAYOUTS)}, or a .json or .py file that "
            "describes one"
        )
    return LAYOUTS[name]


def _described(config: Mapping[str, Any]) -> Layout:
    unknown, missing = set(config) - _KEYS, {"joints", "limbs"} - set(config)
    if unknown or missing:
        raise ValueError(
            "a skeleton layout is described by joints and limbs (and optionally name, root, center and sides); "
            f"missing: {sorted(missing) or 'none'}, unknown: {sorted(map(str, unknown)) or 'none'}"
        )
    joints: tuple[str, ...] = tuple(config["joints"])

    def index(joint: int | str) -> int:
        if isinstance(joint, str) and joint not in joints:
            raise ValueError(f"the layout names the joint {joint!r}, which is not among {', '.join(joints)}")
        return joints.index(joint) if isinstance(joint, str) else int(joint)

    def pairs(key: str) -> tuple[Any, ...]:
        return tuple(tuple(index(joint) for joint in pair) for pair in config.get(key, ()))

    root = index(config.get("root", 0))
    center = index(config.get("center", root))
    name = config.get("name", "custom")
    sides = pairs("sides") if "sides" in config else _sides_by_names(joints)
    return Layout(name, joints, pairs("limbs"), root, sides=sides, graph_center=center)


def _sides_by_names(joints: Sequence[str]) -> Pairs:
    """Return pairs of joints such as ``LKnee`` and ``RKnee``, ``hand_l`` and ``hand_r``; none where some are left_x."""
    names = {name.lower(): index for index, name in enumerate(joints)}
    if any(name.startswith("left_") or name.endswith("_left") for name in joints):
        return ()  # the rule of `Layout`, which names a joint without its mirror image
    pairs = []
    for name, index in names.items():
        for left, right in (("left", "right"), ("l", "r")):
            mirrored = {right + name.removeprefix(left)} if name.startswith(left) else set()
            mirrored |= {name.removesuffix(left) + right} if name.endswith(left) else set()
            if found := mirrored & names.keys():
                pairs.append((index, names[found.pop()]))
                break
    return tuple(pairs)


def _read_layout(path: Path) -> Layout:
    """Read a description: a dict, or assignments ``joints = [...]``; literals alone, so no code runs."""
    if not path.is_file():
        raise FileNotFoundError(f"layout: no such file: {path}; known names: {', '.join(LAYOUTS)}")
    try:
        body = ast.parse(path.read_text(encoding="utf-8-sig")).body
        if len(body) == 1 and isinstance(body[0], ast.Expr):
            content = ast.literal_eval(body[0].value)
        else:
            assigned = [node for node in body if isinstance(node, ast.Assign)]
            content = {ast.unparse(node.targets[0]): ast.literal_eval(node.value) for node in assigned}
        return _described({"name": path.stem} | content)
    except (ValueError, TypeError, AttributeError, SyntaxError, RecursionError, MemoryError) as error:
        raise ValueError(f"{path}: no description of a skeleton layout ({error})") from error


def fit_layout(layout: str | Mapping[str, Any] | Layout, num_joints: int) -> Layout:
    """Return a layout as :func:`get_layout` does; ValueError, with those that fit, if it has not ``num_joints``."""
    found = get_layout(layout)
    if len(found.joints) != num_joints:
        raise ValueError(
            f"layout: {found.name} has {len(found.joints)} joints, the skeletons have {num_joints}; "
            f"layouts with {num_joints} joints: {', '.join(_of_size(num_joints)) or 'none'}"
        )
    return found


def choose_layout(
    layout: str | Mapping[str, Any] | Layout, num_joints: int, config: Any = None, say: Callable[[str], object] = print
) -> Layout:
    """Return the layout of skeletons with ``num_joints`` joints.

    ``layout`` is as for :func:`get_layout`, or ``auto``: the layout of ``config``, else the first of the table that
    fits. ``say`` is called with a sentence if the layout is guessed. ValueError if the layout has another number of
    joints, the config names two, or none is known.
    """
    if not isinstance(layout, str) or layout != AUTO:
        return fit_layout(layout, num_joints)
    found = layout_of_config(config, num_joints)
    if found is not None:
        return fit_layout(found, num_joints)
    fitting = _of_size(num_joints)
    if not fitting:
        raise ValueError(
            f"layout: no layout with {num_joints} joints is known, so name or describe one; known: {', '.join(LAYOUTS)}"
        )
    others = f"; {', '.join(fitting[1:])} would fit too" if fitting[1:] else ""
    say(f"layout: {fitting[0]}, guessed from {num_joints} joints{others}")
    return LAYOUTS[fitting[0]]


def _of_size(num_joints: int) -> list[str]:
    """Return the layouts with ``num_joints`` joints, but of those with the same joints only the first."""
    found = {layout.joints: layout.name for layout in reversed(LAYOUTS.values()) if len(layout.joints) == num_joints}
    return list(reversed(found.values()))


def layout_of_config(config: Any, num_joints: int | None = None) -> Layout | None:
    """Return the skeleton layout that a config, or a part of one, states; None if it states none.

    It may stand anywhere: as ``layout`` in the ``metainfo`` of a data set, in a transform, the preprocessor or the
    graph of a network, or as ``dataset`` of the transforms for graph networks. Where only the ``left_kp`` and
    ``right_kp`` of a transform are given, a layout of the table with these sides (and ``num_joints``, if known) is
    meant. KeyError or ValueError if the config states a layout that is unknown, or two with different joints; names
    both.
    """
    config = config.to_dict() if hasattr(config, "to_dict") else config  # MMEngine's Config is no mapping
    stated = list(_stated(config))
    layouts = [get_layout(value) for _, value in stated]
    for (place, _), layout in zip(stated, layouts, strict=True):
        if layout.joints != layouts[0].joints:
            raise ValueError(
                f"the config states two skeleton layouts: {layouts[0].name} ({stated[0][0]}) and {layout.name} "
                f"({place}); name the layout of the skeletons with --layout"
            )
    if layouts:
        return layouts[0]
    by_sides = (layout for left, right in _sides(config) for layout in _with_sides(tuple(left), tuple(right)))
    return next((layout for layout in by_sides if num_joints in (None, len(layout.joints))), None)


@cache
def _with_sides(left: tuple[int, ...], right: tuple[int, ...]) -> list[Layout]:
    """Return the layouts of the table with these left and right joints; cached, as every mirrored sample asks."""
    wanted = set(map(frozenset, zip(left, right, strict=False)))
    return [layout for layout in LAYOUTS.values() if wanted and wanted == layout.side_pairs]


def check_sides(left: Sequence[int], right: Sequence[int], num_joints: int) -> None:
    """Check that lists of left and right joints fit skeletons of ``num_joints`` joints.

    Lists that are the sides of a known layout are taken for that layout's: COCO's do not fit 25 joints (a ValueError),
    although there is a joint for each of their numbers.
    """
    known = _with_sides(tuple(left), tuple(right))
    if known and all(len(layout.joints) != num_joints for layout in known):
        raise ValueError(
            f"left_kp and right_kp belong to {known[0].name}, which has {len(known[0].joints)} joints; the "
            f"skeletons have {num_joints}. Set layout= to the name or the description of their layout"
        )
    last = max((*left, *right), default=0)
    if last >= num_joints:
        raise ValueError(f"left_kp and right_kp name joint {last}; the skeletons have {num_joints}, from 0 on")


def _parts(config: Any, place: str = "") -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield every dict of a config and where it stands."""
    if isinstance(config, Mapping):
        yield place, config
        for key, value in config.items():
            yield from _parts(value, f"{place}.{key}" if place else str(key))
    elif isinstance(config, (list, tuple)):
        for index, value in enumerate(config):
            yield from _parts(value, f"{place}[{index}]")


def _stated(config: Any) -> Iterator[tuple[str, Any]]:
    for place, part in _parts(config):
        kind = part.get("type")
        layout = part.get("layout")
        # Any other text is of a component that calls something else its layout, or an error that building it names.
        if isinstance(layout, (Mapping, Layout)) or (isinstance(layout, str) and _names_layout(layout)):
            yield f"{place}.layout", layout
        if isinstance(kind, str) and kind in _BY_DATASET:
            yield f"{place}.dataset", part.get("dataset", _BY_DATASET[kind])


def _names_layout(text: str) -> bool:
    return text in {*LAYOUTS, *ALIASES} or text.endswith((".json", ".py"))


def _sides(config: Any) -> Iterator[tuple[Sequence[int], Sequence[int]]]:
    for _, part in _parts(config):
        if part.get("left_kp") and part.get("right_kp"):
            yield part["left_kp"], part["right_kp"]
