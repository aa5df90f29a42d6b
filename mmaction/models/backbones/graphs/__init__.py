"""Graph networks for skeletons: adjacency, convolutions over joints, convolutions over time, whole networks."""

from mmaction.models.backbones.graphs.networks import AAGCN, CTRGCN, STGCN

__all__ = ["AAGCN", "CTRGCN", "STGCN"]
