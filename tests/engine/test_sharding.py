"""Each process holds a part of the model: the same run, the same files."""

import copy

import pytest
import torch
import torch.distributed as dist
from mmengine.config import Config
from mmengine.runner.activation_checkpointing import turn_on_activation_checkpointing
from processes import run_two
from torch import nn
from torch.distributed.tensor import DTensor

from mmaction.engine import ActionRunner, MMFullyShardedDataParallel
from mmaction.engine.sharding import chosen_by, is_sharding, parts_of, residual_blocks
from mmaction.io.checkpoints import load_weights, read_checkpoint
from mmaction.registry import MODELS

WRAPPED = "model_wrapper_cfg = dict(type='MMFullyShardedDataParallel'{more})\n"
# all that has to do with the whole of a gradient or with the state between iterations
RUN = """
optim_wrapper = dict(type="OptimWrapper", optimizer=dict(type="AdamW", lr=0.01, weight_decay=0.05),
                     clip_grad=dict(max_norm=0.5), accumulative_counts=2)
custom_hooks = [dict(type="EMAHook", momentum=0.1, begin_iter=2), dict(type="ToyCount")]
train_dataloader["batch_size"] = 2
train_cfg["max_epochs"] = 2
"""
# statistics of the batch, which differ between processes
PLAIN = """
model["backbone"].update(norm_eval=False)
default_hooks["sync_buffers"] = dict(type="SyncBuffersHook")
train_cfg["max_epochs"] = 1
"""


def flat(path):
    """The tensors of a checkpoint by name."""
    content = read_checkpoint(path)
    weights = {key: content[key] for key in ("state_dict", "ema_state_dict") if key in content}
    states = {str(key): entry for key, entry in content.get("optimizer", {}).get("state", {}).items()}
    return {f"{part}.{key}": v for part, entry in {**weights, **states}.items() for key, v in entry.items()}


def assert_same(path, other, exact=False):
    ours, theirs = flat(path), flat(other)
    assert list(ours) == list(theirs) and len(ours) > 50
    for key, value in ours.items():
        close = torch.equal(value, theirs[key]) if exact else torch.allclose(value, theirs[key], rtol=1e-4, atol=1e-6)
        assert close, key


@pytest.mark.integration
@pytest.mark.slow
def test_a_sharded_run_of_two_processes_is_the_run_of_one(tmp_path, toy, train, test):
    sharded = toy.write_config(
        tmp_path, name="sharded.py", train_count=16, extra=toy.NETWORK + RUN + WRAPPED.format(more="")
    )
    kept = WRAPPED.format(more=", sharding_strategy='SHARD_GRAD_OP'")
    amp = toy.write_config(tmp_path, name="amp.py", train_count=16, extra=toy.NETWORK + PLAIN + kept)
    amp_ddp = toy.write_config(tmp_path, name="amp_ddp.py", train_count=16, extra=toy.NETWORK + PLAIN)
    cut = toy.write_config(tmp_path, name="cut.py", train_count=16, extra=toy.NETWORK + RUN + WRAPPED.format(more="")
                           + "custom_hooks.append(dict(type='ToySigterm', after=6, rank=1))\n")  # fmt: skip
    common = ("--launcher", "pytorch", "--work-dir")
    _, text = run_two(
        tmp_path,
        ["train", sharded, "--seed", 7, *common, tmp_path / "two"],
        ["train", sharded, "--seed", 7, *common, tmp_path / "resumed", "--resume", tmp_path / "two" / "epoch_1.pth"],
        ["test", sharded, tmp_path / "two" / "epoch_2.pth", *common, tmp_path / "two"],
        ["train", amp, "--amp", "--seed", 7, *common, tmp_path / "amp"],
        ["train", amp_ddp, "--amp", "--seed", 7, *common, tmp_path / "amp_ddp"],
        ["train", "stops", cut, "--seed", 7, *common, tmp_path / "cut"],
    )
    last = tmp_path / "two" / "epoch_2.pth"
    assert (tmp_path / "cut").is_dir(), text[-4000:]  # the last step; how it ends is seen below
    assert_same(last, tmp_path / "resumed" / "epoch_2.pth", exact=True)
    assert_same(tmp_path / "amp" / "epoch_1.pth", tmp_path / "amp_ddp" / "epoch_1.pth")
    for rank in (0, 1):  # even where a tensor's length is odd, no process holds much more than half
        here, whole = map(int, (tmp_path / "two" / f"count_{rank}.txt").read_text().split())
        assert 0.45 * whole < here < 0.55 * whole

    # without processes the same config trains the model as it is
    one = ("--cfg-options", "train_dataloader.batch_size=4")
    train(sharded, "--seed", 7, "--work-dir", tmp_path / "one", *one)
    assert_same(tmp_path / "one" / "epoch_2.pth", last)
    snapshots = [path.name for path in (tmp_path / "cut").glob("*.pth") if not path.name.startswith("best")]
    assert sorted(snapshots) == ["epoch_1.pth", "iter_6.pth"]
    train(sharded, "--work-dir", tmp_path / "cut", "--resume", *one)
    assert_same(tmp_path / "cut" / "epoch_2.pth", last)
    test(sharded, last, "--work-dir", tmp_path / "one")
    tables = [(tmp_path / name / "test_epoch_2" / "predictions.csv").read_text() for name in ("one", "two")]
    assert tables[0] == tables[1] and len(tables[0].splitlines()) == 10


@pytest.fixture
def alone():
    """A group of this process only."""
    dist.init_process_group("gloo", store=dist.HashStore(), rank=0, world_size=1)
    yield
    dist.destroy_process_group()


def network(toy):
    torch.manual_seed(0)
    scope = {"pipeline": [{}]}
    exec(toy.NETWORK, scope)
    model = MODELS.build(scope["model"])
    model.init_weights()
    return model


def loss_of(model):
    """A number that all parameters have a part in."""
    clips = torch.linspace(-1, 1, 3 * 4 * 16 * 16).reshape(1, 1, 3, 4, 16, 16)
    return model(clips, mode="tensor", stage="head").pow(2).sum()


def in_parts(model):
    return [isinstance(parameter, DTensor) for parameter in model.parameters()]


@pytest.mark.parametrize("recomputed", [None, "backbone.layer2"])
def test_gradients_are_those_of_the_plain_model_in_any_mode(toy, alone, recomputed):
    plain = network(toy)
    model = MMFullyShardedDataParallel(copy.deepcopy(plain))
    if recomputed:
        turn_on_activation_checkpointing(model.module, recomputed)
    for mode in (False, True, False, True):  # validation comes before, between and after training
        model.train(mode)
        plain.train(mode)
        assert in_parts(model) == [mode] * len(in_parts(model))
        model.zero_grad()
        plain.zero_grad()
        with torch.set_grad_enabled(mode):
            ours, theirs = loss_of(model), loss_of(plain)
        assert torch.allclose(ours, theirs)
        if mode:
            ours.backward()
            theirs.backward()
            for (name, a), b in zip(model.module.named_parameters(), plain.parameters(), strict=True):
                assert (a.grad is None) == (b.grad is None), name
                assert a.grad is None or torch.allclose(a.grad.full_tensor(), b.grad, atol=1e-6), name


def test_whole_tensors_go_in_and_out_in_any_mode(toy, alone):
    model, other = MMFullyShardedDataParallel(network(toy)), network(toy)
    for parameter in other.parameters():
        parameter.data.add_(1)
    for mode in (True, False):
        model.train(mode)
        model.module.load_state_dict(other.state_dict())
        loaded = model.module.state_dict()
        assert list(loaded) == list(other.state_dict())
        assert all(type(v) is torch.Tensor and torch.equal(v, other.state_dict()[k]) for k, v in loaded.items())
        other.cls_head.fc_cls.bias.data.add_(1)


def test_fine_tuning_starts_from_a_whole_checkpoint_and_drops_a_head_of_another_class_count(toy, alone):
    model, other = MMFullyShardedDataParallel(network(toy)), network(toy)
    weights = {key: value + 1 for key, value in other.state_dict().items()}
    weights["cls_head.fc_cls.weight"] = torch.zeros(7, 40)
    report = load_weights(model.module, weights, "weights.pth", strict=False)
    assert report.dropped == {"cls_head.fc_cls.weight": ((7, 40), (3, 40))}
    loaded = model.module.state_dict()
    assert torch.equal(loaded.pop("cls_head.fc_cls.weight"), other.cls_head.fc_cls.weight)
    assert all(torch.equal(value, weights[key]) for key, value in loaded.items())
    with pytest.raises(ValueError, match="does not fit the model of the config"):
        load_weights(model.module, weights, "weights.pth", strict=True)


def test_what_holds_the_parts_follows_the_model_and_can_be_copied(toy, alone):
    model = MMFullyShardedDataParallel(network(toy))
    parts = parts_of(model.module)
    copied = copy.deepcopy(parts)
    model.eval()  # the model has gathered its parameters now, `parts` has not
    assert list(parts.state_dict()) == list(model.module.state_dict())
    for parameter in parts.parameters():
        parameter.data.zero_()
    model.train()
    assert not any(parameter.full_tensor().any() for parameter in model.parameters())
    assert any(parameter.full_tensor().any() for parameter in copied.parameters())


@pytest.mark.parametrize(
    ("config", "count"),
    [("i3d_r50", 16), ("slowfast_r50", 32), ("posec3d_slowonly_r50", 13), ("tsm_r50", 16), ("i3d_r50_non_local", 16)],
)
def test_blocks_of_the_published_networks_are_gathered_one_at_a_time(root, config, count):
    model = Config.fromfile(root / "configs" / "_base_" / "models" / f"{config}.py").model
    model["cls_head"].setdefault("num_classes", 2)
    model = MODELS.build(model)
    units = residual_blocks(model)
    assert len(units) == count
    inside = [module for unit in units for module in unit.modules()]
    assert len(inside) == len(set(inside))  # none inside another
    numel = sum(p.numel() for unit in units for p in unit.parameters())
    assert numel > 0.98 * sum(p.numel() for p in model.backbone.parameters())


def test_a_policy_of_pytorch_picks_what_is_gathered(toy, alone):
    by_size = {"type": "torch.distributed.fsdp.wrap.size_based_auto_wrap_policy", "min_num_params": 1000}
    model = MMFullyShardedDataParallel(network(toy), auto_wrap_policy=by_size)
    names = [name for name, module in model.module.named_modules() if type(module).__name__.startswith("FSDP")]
    assert names == ["", "backbone.layer1", "backbone.layer2.0"]
    blocks = type(model.module.backbone.layer1[0]).__mro__[0]
    assert chosen_by(lambda module, recurse, **_: recurse or type(module) is blocks, model.module) == [
        *model.module.backbone.layer1
    ]


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"sharding_strategy": "NO_SHARD"}, ValueError, "to shard nothing"),
        ({"cpu_offload": True}, ValueError, "cpu_offload=True cannot be honored"),
        ({"mixed_precision": {"param_dtype": "float16"}}, ValueError, "--amp"),
        ({"auto_wrap_polcy": "x"}, TypeError, "did you mean auto_wrap_policy"),
        ({"auto_wrap_policy": "nowhere.to_be_found"}, KeyError, "auto_wrap_policy is a function of the registry"),
    ],
)
def test_arguments_that_cannot_be_honoured_are_refused(alone, arguments, error, message):
    with pytest.raises(error, match=message):
        MMFullyShardedDataParallel(nn.Linear(2, 2), **arguments)


def test_arguments_that_are_not_needed_are_logged_and_ignored(alone, monkeypatch):
    said = []
    monkeypatch.setattr("mmaction.engine.sharding.print_log", lambda text, logger: said.append(text))
    MMFullyShardedDataParallel(nn.Linear(2, 2), use_orig_params=True, sync_module_states=False, cpu_offload=None)
    assert len(said) == 1 and "use_orig_params, sync_module_states" in said[0]


def test_sharding_needs_processes_and_an_optimizer_that_is_built_afterwards(tmp_path, toy, alone, monkeypatch):
    dist.destroy_process_group()
    with pytest.raises(RuntimeError, match="needs a process group; start the run with a launcher"):
        MMFullyShardedDataParallel(nn.Linear(2, 2))
    dist.init_process_group("gloo", store=dist.HashStore(), rank=0, world_size=1)
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS"):  # which MMEngine would set for good
        monkeypatch.setenv(name, "1")
    config = Config.fromfile(toy.write_config(tmp_path, extra=WRAPPED.format(more="")))
    config.merge_from_dict({"work_dir": str(tmp_path), "launcher": "pytorch"})
    runner = ActionRunner.from_cfg(config)
    runner.optim_wrapper = runner.build_optim_wrapper(runner.optim_wrapper)
    with pytest.raises(TypeError, match=r"optim_wrapper: to shard the model .* give a config; got OptimWrapper"):
        runner.train()


def test_sharding_is_found_under_every_name_that_it_has():
    names = ("MMFullyShardedDataParallel", "mmengine.MMFullyShardedDataParallel", MMFullyShardedDataParallel)
    assert all(is_sharding({"type": name}) for name in names)
    assert not any(is_sharding(cfg) for cfg in (None, {}, {"type": "MMDistributedDataParallel"}))
