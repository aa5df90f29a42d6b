"""Adjacency matrices of skeleton graphs, from the joints and limbs of a layout.

Sources: ST-GCN (Yan et al., AAAI 2018, section 3.3, the spatial configuration), 2s-AGCN (Shi et al., CVPR 2019,
equation 1). ``A[k, v, w]`` weighs what joint w takes in from joint v in subset k; the columns of a normalized matrix
have the sum 1, or 0 where nothing arrives.
"""

from collections import deque
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from mmaction.skeletons import Layout, get_layout
from mmaction.utils.cli import suggest

MODES = ("spatial", "stgcn_spatial", "binary_adj", "random")


def build_adjacency(
    layout: str | Mapping[str, Any] | Layout = "coco",
    mode: str = "spatial",
    max_hop: int = 1,
    num_filter: int = 3,
    init_std: float = 0.02,
    init_off: float = 0.04,
) -> torch.Tensor:
    """Return the adjacency of a skeleton, float32 of the shape ``(K, V, V)``.

    Args:
        layout: Skeleton layout: a name of :mod:`mmaction.skeletons`, or a description of one.
        mode: ``spatial``: the joint itself, its children, its parent (K = 3). ``stgcn_spatial``: joints up to
            ``max_hop`` limbs away, by distance and by being farther from the center or not
            (K = 1 + 2 * ``max_hop``). ``binary_adj``: all neighbors, not normalized (K = 1). ``random``: numbers
            to learn from (K = ``num_filter``).
        max_hop: Largest distance in ``stgcn_spatial``.
        num_filter: Number of random matrices.
        init_std: Standard deviation of the random numbers.
        init_off: Mean of the random numbers.
    """
    if mode not in MODES:
        raise ValueError(f"graph_cfg: unknown mode {mode!r}{suggest(mode, MODES) or '; known: ' + ', '.join(MODES)}")
    if max_hop < 1:
        raise ValueError(f"graph_cfg: max_hop must be at least 1; got {max_hop}")
    skeleton = get_layout(layout)
    joints = len(skeleton.joints)
    if mode == "random":
        return init_off + init_std * torch.randn(num_filter, joints, joints)
    children, parents = np.array(tree(skeleton), dtype=np.int64).reshape(-1, 2).T
    inward = np.zeros((joints, joints))
    inward[parents, children] = 1
    if mode == "binary_adj":
        stack = [inward + inward.T]
    elif mode == "spatial":
        stack = [np.eye(joints), normalize(inward), normalize(inward.T)]
    else:
        stack = _by_distance(inward + inward.T, skeleton.center, max_hop)
    return torch.from_numpy(np.stack(stack).astype(np.float32))


def tree(layout: Layout) -> list[tuple[int, int]]:
    """Return the limbs on the shortest ways from the center, each as (joint, next joint toward the center).

    A limb that closes a loop, such as from hip to hip, is left out. A joint without a limb has no pair.
    """
    neighbors: dict[int, list[int]] = {joint: [] for joint in range(len(layout.joints))}
    for a, b in layout.graph_limbs or layout.limbs:
        neighbors[a].append(b)
        neighbors[b].append(a)
    pairs: list[tuple[int, int]] = []
    seen: set[int] = set()
    for start in (layout.center, *neighbors):  # parts that no limb connects to the center have a center of their own
        if start in seen:
            continue
        seen.add(start)
        queue = deque([start])
        while queue:
            joint = queue.popleft()
            new = [other for other in neighbors[joint] if other not in seen]
            pairs += [(other, joint) for other in dict.fromkeys(new)]
            seen.update(new)
            queue.extend(dict.fromkeys(new))
    return pairs


def normalize(adjacency: np.ndarray) -> np.ndarray:
    """Divide each column by its sum; columns of zeros stay."""
    total = adjacency.sum(axis=0)
    return adjacency / np.where(total > 0, total, 1)


def _by_distance(neighbors: np.ndarray, center: int, max_hop: int) -> list[np.ndarray]:
    """Split what arrives at a joint by distance and by its way to the center.

    Distances above ``max_hop`` count as infinite, and infinite ones as equal, as in the published networks.
    """
    reach = np.eye(len(neighbors)) + neighbors
    distance = np.full(neighbors.shape, np.inf)
    for hop in range(max_hop, -1, -1):
        distance[np.linalg.matrix_power(reach, hop) > 0] = hop
    weights = normalize((distance <= max_hop).astype(np.float64))
    to_center = distance[:, center]
    farther = to_center[:, None] >= to_center[None, :]
    stack = [weights * (distance == 0)]
    for hop in range(1, max_hop + 1):
        stack += [weights * ((distance == hop) & farther), weights * ((distance == hop) & ~farther)]
    return stack
