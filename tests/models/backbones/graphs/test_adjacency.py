"""Adjacency of skeleton graphs."""

import numpy as np
import pytest
import torch

from mmaction.models.backbones.graphs.adjacency import MODES, build_adjacency, tree
from mmaction.skeletons import LAYOUTS, get_layout

STAR = {"joints": ["hub", "left_a", "right_a", "tip"], "limbs": [("hub", "left_a"), ("hub", "right_a"), (1, "tip")]}


def test_recorded_graphs(shared):
    graphs = np.load(shared / "parity" / "graphs.npz")
    assert len(graphs.files) >= 6
    for key in graphs.files:
        layout, mode, max_hop = key.split("|")
        np.testing.assert_allclose(build_adjacency(layout, mode, int(max_hop)), graphs[key], atol=1e-6, err_msg=key)


def test_a_described_layout_by_hand():
    own, inward, outward = build_adjacency(STAR, "spatial")
    assert torch.equal(own, torch.eye(4))
    assert inward.nonzero().tolist() == [[0, 1], [0, 2], [1, 3]]
    assert outward.nonzero().tolist() == [[1, 0], [2, 0], [3, 1]]
    assert outward[:, 0].tolist() == [0, 0.5, 0.5, 0]


def test_the_center_of_a_description_orders_its_joints():
    assert tree(get_layout({**STAR, "center": "tip"})) == [(1, 3), (0, 1), (2, 0)]
    assert tree(get_layout(STAR)) == [(1, 0), (2, 0), (3, 1)]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("layout", [*LAYOUTS])
def test_every_layout_has_every_graph(layout, mode):
    adjacency = build_adjacency(layout, mode, max_hop=2, num_filter=4)
    joints = len(LAYOUTS[layout].joints)
    kinds = {"spatial": 3, "stgcn_spatial": 5, "binary_adj": 1, "random": 4}
    assert adjacency.shape == (kinds[mode], joints, joints)
    if mode == "spatial":
        sums = adjacency.sum(dim=1)
        assert torch.all((sums - 1).abs().minimum(sums.abs()) < 1e-6)
        assert torch.equal(adjacency[1] > 0, adjacency[2].T > 0)


def test_distances_beyond_the_neighbors_are_told_apart():
    chain = {"joints": ["a", "b", "c"], "limbs": [(0, 1), (1, 2)]}
    stack = build_adjacency(chain, "stgcn_spatial", max_hop=2)
    assert stack[3:].sum(dim=0).nonzero().tolist() == [[0, 2], [2, 0]]
    torch.testing.assert_close(stack.sum(dim=(0, 1)), torch.ones(3))


def test_mistakes_are_explained():
    with pytest.raises(ValueError, match="stgcn_spatial"):
        build_adjacency("coco", "stgcn-spatial")
    with pytest.raises(ValueError, match="max_hop"):
        build_adjacency("coco", max_hop=0)
    with pytest.raises(KeyError, match="coco"):
        build_adjacency("coco18")
