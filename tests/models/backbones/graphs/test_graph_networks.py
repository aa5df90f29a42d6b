"""Convolutions over joints and time against plain loops, and what the networks promise."""

import copy

import pytest
import torch

from mmaction.models.backbones import AAGCN, CTRGCN, STGCN
from mmaction.models.backbones.graphs.adjacency import build_adjacency
from mmaction.models.backbones.graphs.spatial import AdaptiveGraphConv, GraphConv, RefinedGraphConv, gather
from mmaction.models.backbones.graphs.temporal import DilatedBranches, LargestFrame, MultiScaleConv

N, C, T, V = 2, 4, 3, 5
LAYOUT = {"joints": [f"joint_{i}" for i in range(V)], "limbs": [(i, i + 1) for i in range(V - 1)]}
SMALL = {
    "graph_cfg": {"layout": "coco"},
    "base_channels": 12,
    "num_stages": 3,
    "inflate_stages": [2],
    "down_stages": [3],
}
PLUS = {"gcn_adaptive": "init", "gcn_with_res": True, "tcn_type": "mstcn"}
NETWORKS = {
    "stgcn": lambda **changes: STGCN(**{**SMALL, **changes}),
    "stgcnpp": lambda **changes: STGCN(**{**SMALL, **PLUS, **changes}),
    "aagcn": lambda **changes: AAGCN(**{**SMALL, **changes}),
    "ctrgcn": lambda **changes: CTRGCN(**{**SMALL, **changes}),
}


def random_weights(module: torch.nn.Module) -> torch.nn.Module:
    """Give every weight and statistic of ``module`` a value that is neither 0 nor 1."""
    generator = torch.Generator().manual_seed(1)
    for key, tensor in module.state_dict().items():
        if tensor.is_floating_point():
            tensor.copy_(torch.rand(tensor.shape, generator=generator) * 0.5 + ("var" in key) * 0.5)
    return module.eval()


@pytest.mark.parametrize("per_sample", [False, True])
def test_gather_equals_a_loop(per_sample):
    subsets = 3
    x = torch.randn(N, subsets * C, T, V).to(memory_format=torch.channels_last)
    adjacency = torch.randn(N, subsets, V, V) if per_sample else torch.randn(subsets, V, V)
    expected = torch.zeros(N, C, T, V)
    for n in range(N):
        own = adjacency[n] if per_sample else adjacency
        for k in range(subsets):
            for w in range(V):
                for v in range(V):
                    expected[n, :, :, w] += x[n, k * C : (k + 1) * C, :, v] * own[k, v, w]
    torch.testing.assert_close(gather(x, adjacency), expected, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("conv_pos", ["pre", "post"])
@pytest.mark.parametrize("adaptive", ["init", "offset", "importance", None])
def test_graph_convolution_equals_its_definition(adaptive, conv_pos):
    adjacency = build_adjacency(LAYOUT)
    net = random_weights(GraphConv(C, 6, adjacency, adaptive, conv_pos, with_res=True))
    x = torch.randn(N, C, T, V)
    learned = {"offset": lambda: net.A + net.PA, "importance": lambda: net.A * net.PA}.get(adaptive, lambda: net.A)()
    if conv_pos == "pre":
        expected = torch.einsum("nkctv,kvw->nctw", net.conv(x).view(N, 3, 6, T, V), learned)
    else:
        expected = net.conv(torch.einsum("nctv,kvw->nkctw", x, learned).reshape(N, 3 * C, T, V))
    torch.testing.assert_close(net(x), torch.relu(net.bn(expected) + net.down(x)), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("adaptive", [True, False])
def test_adaptive_convolution_equals_its_definition(adaptive):
    net = random_weights(AdaptiveGraphConv(C, 8, build_adjacency(LAYOUT), adaptive=adaptive, attention=False))
    x = torch.randn(N, C, T, V)
    expected = 0
    for k in range(3):
        own = net.A[k].expand(N, V, V)
        if adaptive:
            source, target = net.conv_a[k](x), net.conv_b[k](x)
            scores = torch.stack(
                [torch.stack([(source[..., v] * target[..., w]).sum((1, 2)) for w in range(V)], 1) for v in range(V)],
                1,
            )
            own = own + net.alpha * torch.tanh(scores / (source.shape[1] * T))
        expected = expected + net.conv_d[k](torch.einsum("nctv,nvw->nctw", x, own))
    torch.testing.assert_close(net(x), torch.relu(net.bn(expected) + net.down(x)), atol=1e-5, rtol=1e-5)


def test_refined_convolution_equals_its_definition():
    net = random_weights(RefinedGraphConv(C, 8, build_adjacency(LAYOUT)))
    x = torch.randn(N, C, T, V)
    expected = torch.zeros(N, 8, T, V)
    for conv, own in zip(net.convs, net.A, strict=True):
        first, second, values = conv.conv1(x).mean(2), conv.conv2(x).mean(2), conv.conv3(x)
        for v in range(V):
            for w in range(V):
                difference = torch.tanh(first[:, :, v] - second[:, :, w])[..., None, None]
                weight = own[v, w] + net.alpha * conv.conv4(difference)[..., 0]
                expected[..., w] += values[..., v] * weight
    torch.testing.assert_close(net(x), torch.relu(net.bn(expected) + net.down(x)), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("name", NETWORKS)
def test_persons_and_samples_do_not_mix(name):
    net = random_weights(NETWORKS[name]())
    x = torch.randn(2, 2, 8, 17, 3)
    with torch.no_grad():
        both, first = net(x), net(x[:1])
    torch.testing.assert_close(both[:1], first, atol=1e-4, rtol=1e-4)
    other = x.clone()
    other[:, 1] = 0
    with torch.no_grad():
        torch.testing.assert_close(net(other)[:, 0], both[:, 0], atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("name", NETWORKS)
def test_folded_inference_equals_the_plain_one(name):
    net = random_weights(NETWORKS[name]())
    x = torch.randn(1, 2, 8, 17, 3)
    with torch.no_grad():
        folded = net(x)
    torch.testing.assert_close(folded, net(x).detach(), atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("name", NETWORKS)
def test_exports(name):
    net = random_weights(NETWORKS[name]())
    x = torch.randn(1, 2, 8, 17, 3)
    # MirrorHead holds its loss twice; torch.export then gives other objects at each look at the parts of a module
    program = torch.export.export(torch.nn.Sequential(net, head := torch.nn.ReLU(), head), (x,)).module()
    with torch.no_grad():
        torch.testing.assert_close(program(x), net(x), atol=1e-4, rtol=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("name", NETWORKS)
def test_compiles_as_one_graph(name):
    torch.compiler.reset()  # what other tests compiled counts against its limit
    net = random_weights(NETWORKS[name]())
    x = torch.randn(1, 2, 8, 17, 3)
    compiled = torch.compile(net, fullgraph=True, backend="eager")
    with torch.no_grad():
        torch.testing.assert_close(compiled(x), net(x), atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize(("frames", "stride"), [(1, 1), (1, 2), (2, 2), (7, 1), (7, 2), (8, 2)])
def test_the_largest_frame_is_a_max_pool(frames, stride):
    x = torch.randn(2, 3, frames, 5)
    expected = torch.nn.functional.max_pool2d(x, (3, 1), (stride, 1), (1, 0))
    torch.testing.assert_close(LargestFrame(stride)(x), expected)


@pytest.mark.parametrize("kind", [MultiScaleConv, DilatedBranches])
@pytest.mark.parametrize("stride", [1, 2])
def test_joined_branches_train_as_single_ones(kind, stride):
    x = torch.randn(4, 18, 8, 5, dtype=torch.float64)
    joined = (kind(18, 18, stride=stride) if kind is MultiScaleConv else kind(18, stride=stride)).double()
    single = copy.deepcopy(joined)
    single.branches[0][0].register_forward_hook(lambda *_: None)  # a hook wants to see each convolution
    for net in (joined, single):
        (net(x) ** 2).sum().backward()
    torch.testing.assert_close(joined.state_dict(), single.state_dict())
    for ours, theirs in zip(joined.parameters(), single.parameters(), strict=True):
        torch.testing.assert_close(ours.grad, theirs.grad)


def test_options_of_single_blocks():
    net = STGCN(**SMALL, tcn_dropout=(0.1, 0.2, 0.3))
    assert [block.tcn.drop.p for block in net.gcn] == [0, 0.2, 0.3]
    assert [block.tcn.conv.stride[0] for block in net.gcn] == [1, 1, 2]
    assert [block.tcn.conv.out_channels for block in net.gcn] == [12, 24, 24]


def test_no_first_block_where_the_joints_are_as_wide_as_the_network():
    assert len(STGCN(**{**SMALL, "in_channels": 12}).gcn) == 2


def test_mistakes_are_explained():
    with pytest.raises(ValueError, match="17 joints, the skeletons have 25"):
        STGCN(**SMALL)(torch.zeros(1, 1, 8, 25, 3))
    with pytest.raises(ValueError, match="norms each of 2 persons, the samples have 1: give num_person"):
        AAGCN(**SMALL)(torch.zeros(1, 1, 8, 17, 3))
    with pytest.raises(TypeError, match="depth"):
        STGCN(**SMALL, depth=18)
    with pytest.raises(ValueError, match="data_bn_type"):
        STGCN(**SMALL, data_bn_type="CV")
    with pytest.raises(ValueError, match="tcn_type"):
        STGCN(**SMALL, tcn_type="tcn")
    with pytest.raises(ValueError, match="gcn_adaptive"):
        STGCN(**SMALL, gcn_adaptive="learned")
