"""What a skeleton layout is: the joints of a pose, in order, and how they are connected."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

Pairs = tuple[tuple[int, int], ...]


def _mirror_name(name: str) -> str:
    """Return the name of a joint's mirror image, which is its own without a side."""
    for side, other in (("left", "right"), ("right", "left")):
        if name.startswith(f"{side}_"):
            return f"{other}_{name[len(side) + 1 :]}"
        if name.endswith(f"_{side}"):
            return f"{name[: -len(side) - 1]}_{other}"
    return name


def mirror_limbs(limbs: Pairs, flip_order: Sequence[int]) -> tuple[int, ...]:
    """Return for each limb the index of its mirror image, its own where the mirror image is not among ``limbs``."""
    index = {frozenset(limb): number for number, limb in enumerate(limbs)}
    return tuple(index.get(frozenset(flip_order[joint] for joint in limb), number) for number, limb in enumerate(limbs))


@dataclass(frozen=True)
class Layout:
    """The joints of a pose and their connections.

    Args:
        name: Name of the layout.
        joints: Names of the V joints in the order of the arrays.
        limbs: Pairs of joint indices, in the order of the limb heatmaps' channels.
        root: Index of the joint that has no parent, the center of the body.
        bones: Further pairs (joint, parent) that only ``parents`` uses, not the limb heatmaps.
        sides: Pairs (left joint, right joint) of mirror images. By default they follow from the names: ``left_x`` or
            ``x_left`` against ``right_x`` or ``x_right``.
        graph_center: Index of the joint around which graph networks order the others; None: the root.
        graph_limbs: Limbs of graph networks where these are not ``limbs``.

    Raises:
        ValueError: If a name repeats, a left joint has no right one, or a pair names a joint that does not exist.
    """

    name: str
    joints: tuple[str, ...]
    limbs: Pairs
    root: int = 0
    bones: Pairs = ()
    sides: Pairs = ()
    graph_center: int | None = None
    graph_limbs: Pairs = ()

    def __post_init__(self) -> None:
        if len(set(self.joints)) != len(self.joints):
            repeated = sorted({joint for joint in self.joints if self.joints.count(joint) > 1})
            raise ValueError(f"layout {self.name!r} names these joints more than once: {', '.join(repeated)}")
        for pair in (*self.limbs, *self.bones, *self.sides, *self.graph_limbs, (self.root, self.center)):
            if len(pair) != 2 or not all(0 <= joint < len(self.joints) for joint in pair):
                raise ValueError(f"layout {self.name!r}: {pair} is not a pair of its {len(self.joints)} joints")
        for joint in () if self.sides else self.joints:
            if _mirror_name(joint) not in self.joints:
                raise ValueError(f"layout {self.name!r} has the joint {joint!r} but no {_mirror_name(joint)!r}")
        sided = [joint for pair in self.sides for joint in pair]
        if len(set(sided)) != len(sided):
            raise ValueError(f"layout {self.name!r}: sides name a joint more than once")

    @property
    def center(self) -> int:
        """Index of the joint around which graph networks order the others."""
        return self.root if self.graph_center is None else self.graph_center

    @cached_property
    def _mirrored(self) -> Pairs:
        """The pairs of left and right joints, in the order of the left ones."""
        if self.sides:
            return tuple(sorted(self.sides))
        return tuple(
            (index, self.joints.index(_mirror_name(joint)))
            for index, joint in enumerate(self.joints)
            if joint.startswith("left_") or joint.endswith("_left")
        )

    @cached_property
    def side_pairs(self) -> set[frozenset[int]]:
        """The pairs of a joint and its mirror image, without order."""
        return set(map(frozenset, self._mirrored))

    @property
    def left_joints(self) -> tuple[int, ...]:
        """Indices of the left joints; ``right_joints`` holds their mirror images in the same order."""
        return tuple(left for left, _ in self._mirrored)

    @property
    def right_joints(self) -> tuple[int, ...]:
        """Indices of the right joints, in the order of ``left_joints``."""
        return tuple(right for _, right in self._mirrored)

    @cached_property
    def flip_order(self) -> tuple[int, ...]:
        """For each joint the index of its mirror image, V numbers."""
        order = list(range(len(self.joints)))
        for left, right in self._mirrored:
            order[left], order[right] = right, left
        return tuple(order)

    @cached_property
    def limb_flip_order(self) -> tuple[int, ...]:
        """For each limb the index of its mirror image."""
        return mirror_limbs(self.limbs, self.flip_order)

    @property
    def left_limbs(self) -> tuple[int, ...]:
        """Indices of the limbs on the left side; ``right_limbs`` holds their mirror images in the same order."""
        left, right = set(self.left_joints), set(self.right_joints)

        def is_left(number: int) -> bool:
            mirror, ends = self.limb_flip_order[number], set(self.limbs[number])
            # A limb from side to side whose mirror image is another one counts as left if it comes first.
            return mirror != number and bool(ends & left) and (not ends & right or number < mirror)

        return tuple(number for number in range(len(self.limbs)) if is_left(number))

    @property
    def right_limbs(self) -> tuple[int, ...]:
        """Indices of the limbs on the right side, in the order of ``left_limbs``."""
        return tuple(self.limb_flip_order[number] for number in self.left_limbs)

    @cached_property
    def parents(self) -> tuple[int, ...]:
        """For each joint the next joint on the way to the root; the root, and a joint out of its reach, is its own."""
        parents = list(range(len(self.joints)))
        neighbors: dict[int, list[int]] = {index: [] for index in parents}
        for a, b in (*self.limbs, *self.bones):
            neighbors[a].append(b)
            neighbors[b].append(a)
        seen, queue = {self.root}, deque([self.root])
        while queue:
            joint = queue.popleft()
            for neighbor in neighbors[joint]:
                if neighbor not in seen:
                    seen.add(neighbor)
                    parents[neighbor] = joint
                    queue.append(neighbor)
        return tuple(parents)

    @property
    def loose(self) -> tuple[str, ...]:
        """Names of the joints from which no limb or bone leads to the root, so that they have no parent."""
        return tuple(
            self.joints[joint] for joint, parent in enumerate(self.parents) if joint == parent and joint != self.root
        )
