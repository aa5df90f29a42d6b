"""Small modules that tune a frozen image network for video; each starts at zero, so that nothing changes at first.

They are put in by forward hooks, so the network's own tensors keep their names.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from torch import nn

from mmaction.models.backbones.resnet_tsm import shift
from mmaction.models.layers import triple
from mmaction.utils.cli import needs, suggest

Grid = tuple[int, int, int]  # tokens of no place (class token, registers), rows, columns


class Bottleneck(nn.Module):
    """Down to ``width`` channels, something in between, and up again from zero weights: 0 at first.

    Input (frames, L, C) of tokens or (frames, C, H, W) of a map; ``between`` sees (N, width, T, h, w). Tokens of no
    place get 0.
    """

    is_adapter = True

    def __init__(self, channels: int, width: int, num_segments: int, grid: Grid | None) -> None:
        super().__init__()
        self.down = nn.Linear(channels, width)
        self.up = nn.Linear(width, channels)
        nn.init.zeros_(self.up.weight)
        nn.init.zeros_(self.up.bias)
        self.num_segments, self.grid = num_segments, grid

    def between(self, x: torch.Tensor) -> torch.Tensor:
        """Return what stands between both layers, of the shape of ``x``."""
        raise NotImplementedError

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return what is to be added to ``x``."""
        prefix, rows, columns = self.grid or (0, *x.shape[2:])
        tokens = x[:, prefix:] if self.grid else x.flatten(2).transpose(1, 2)
        clips = self.down(tokens).unflatten(0, (-1, self.num_segments)).unflatten(2, (rows, columns))
        seen = self.between(clips.permute(0, 4, 1, 2, 3)).permute(0, 2, 3, 4, 1)
        added = self.up(seen.flatten(0, 1).flatten(1, 2))
        return nn.functional.pad(added, (0, 0, prefix, 0)) if self.grid else added.transpose(1, 2).reshape_as(x)


class STAdapter(Bottleneck):
    """ST-Adapter (Pan et al., NeurIPS 2022, section 3.3): a depth-wise convolution over space and time in between."""

    def __init__(
        self, channels: int, num_segments: int, grid: Grid | None, width: int = 384, kernel: Any = (3, 1, 1)
    ) -> None:
        super().__init__(channels, width, num_segments, grid)
        kernel = triple(kernel)
        self.conv = nn.Conv3d(width, width, kernel, padding=tuple(size // 2 for size in kernel), groups=width)

    def between(self, x: torch.Tensor) -> torch.Tensor:
        """Return the convolved clips."""
        return self.conv(x)


class DifferenceAdapter(Bottleneck):
    """What changes from frame to frame: differences to the next and to the last frame, each seen by a 3 x 3 kernel."""

    def __init__(self, channels: int, num_segments: int, grid: Grid | None, width: int = 192, kernel: int = 3) -> None:
        super().__init__(channels, width, num_segments, grid)
        size, padding = (1, kernel, kernel), (0, kernel // 2, kernel // 2)
        self.ahead = nn.Conv3d(width, width, size, padding=padding, groups=width)
        self.back = nn.Conv3d(width, width, size, padding=padding, groups=width)

    def between(self, x: torch.Tensor) -> torch.Tensor:
        """Return motion: zero at the ends, where a frame has no neighbor."""
        step = x[:, :, 1:] - x[:, :, :-1]
        pad = nn.functional.pad
        ahead, back = pad(step, (0, 0, 0, 0, 0, 1)), pad(step, (0, 0, 0, 0, 1, 0))
        return nn.functional.gelu(self.ahead(ahead) + self.back(back))


class Mlp(nn.Sequential):
    """Two layers with a GELU, the second from zero weights."""

    is_adapter = True

    def __init__(self, channels: int, width: int) -> None:
        last = nn.Linear(width, channels)
        super().__init__(nn.Linear(channels, width), nn.GELU(), last)
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)


# -- hooks: functions of the module, so that a network with adapters can be copied -------------------------------------
def _add_before(block: Any, args: tuple) -> tuple:
    return (args[0] + block.adapter(args[0]), *args[1:])


def _shift_before(conv: Any, args: tuple) -> tuple:
    return (shift(args[0], *conv.temporal_shift), *args[1:])


def _attend_over_time(block: Any, args: tuple) -> tuple:
    """Add what the block's frozen attention, used along time, gives to the adapter (AIM, section 3.3)."""
    x, frames = args[0], block.num_segments
    over_time = x.unflatten(0, (-1, frames)).transpose(1, 2)  # N, L, T, C
    seen = block.attn.forward(block.norm1(over_time.flatten(0, 1)))  # without the hook of space
    added = block.adapter_time(seen).unflatten(0, over_time.shape[:2]).transpose(1, 2).flatten(0, 1)
    return (x + added, *args[1:])


def _adapt_space(attention: Any, args: tuple, output: torch.Tensor) -> torch.Tensor:
    return output + attention.adapter_space(output)


def _adapt_both(mlp: Any, args: tuple, output: torch.Tensor) -> torch.Tensor:
    return output + mlp.adapter_scale * mlp.adapter_both(args[0])


# -- where they go -----------------------------------------------------------------------------------------------------
def attention_blocks(network: Any) -> list[Any]:
    """Return the blocks of a vision transformer; [] of another network."""
    blocks = list(getattr(network, "blocks", []))
    return blocks if blocks and all(hasattr(block, "attn") and hasattr(block, "mlp") for block in blocks) else []


def residual_blocks(network: Any) -> list[Any]:
    """Return the residual blocks of a convolutional network of timm; ValueError where they are not known."""
    stages: Sequence[Any] = [getattr(network, f"layer{i}") for i in range(1, 5) if hasattr(network, f"layer{i}")]
    stages = stages or list(getattr(network, "blocks", []) or getattr(network, "stages", []))
    blocks = [block for stage in stages for block in getattr(stage, "blocks", stage)]
    is_last = getattr(network, "output_fmt", "NCHW") == "NHWC"
    if not blocks or is_last or any(_first_conv(block) is None for block in blocks):
        raise ValueError(
            f"no residual blocks are known in {type(network).__name__}; adapters go into vision transformers, "
            "ResNets, EfficientNets, MobileNets and ConvNeXts"
        )
    return blocks


def _first_conv(block: Any) -> Any:
    names = ("conv1", "conv_pw", "conv_exp", "pw_exp", "conv_dw", "conv")
    return next((getattr(block, name) for name in names if hasattr(block, name)), None)


def _places(network: Any) -> Iterator[tuple[Any, int, Grid | None]]:
    """Yield each block, how many channels enter it, and its grid of tokens (None: a map)."""
    if blocks := attention_blocks(network):
        prefix, grid = getattr(network, "num_prefix_tokens", 0), network.patch_embed.grid_size
        yield from ((block, int(network.embed_dim), (prefix, *grid)) for block in blocks)
        return
    widths: dict[Any, int] = {}
    blocks, handles = residual_blocks(network), []
    for block in blocks:
        handles.append(block.register_forward_pre_hook(lambda b, args: widths.update({b: args[0].shape[1]})))
    with torch.no_grad():
        network.eval().forward_features(torch.zeros(1, 3, 64, 64))
    for handle in handles:
        handle.remove()
    yield from ((block, widths[block], None) for block in blocks)


def _insert_bottlenecks(kind: Callable[..., Bottleneck]) -> Callable[..., None]:
    def insert(network: Any, num_segments: int, **kwargs: Any) -> None:
        for block, channels, grid in list(_places(network)):
            block.adapter = kind(channels, num_segments, grid, **kwargs)
            block.register_forward_pre_hook(_add_before)

    return insert


def insert_aim(network: Any, num_segments: int, width: int | None = None, scale: float = 0.5) -> None:
    """Put in AIM (Yang et al., ICLR 2023): adapters of time, of space and beside the MLP; ``width`` is a quarter."""
    blocks = attention_blocks(network)
    if not blocks:
        raise ValueError(f"AIM adapts attention; {type(network).__name__} has no attention blocks")
    channels = int(network.embed_dim)
    for block in blocks:
        block.num_segments, block.mlp.adapter_scale = num_segments, scale
        block.adapter_time = Mlp(channels, width or channels // 4)
        block.attn.adapter_space = Mlp(channels, width or channels // 4)
        block.mlp.adapter_both = Mlp(channels, width or channels // 4)
        block.register_forward_pre_hook(_attend_over_time)
        block.attn.register_forward_hook(_adapt_space)
        block.mlp.register_forward_hook(_adapt_both)


def insert_shift(network: Any, num_segments: int, shift_div: int = 8) -> None:
    """Shift channels in time before the first convolution of each residual block (TSM); all weights train."""
    if attention_blocks(network):
        raise ValueError("TemporalShift is for convolutional networks; take STAdapter, AIM or DifferenceAdapter")
    for block in residual_blocks(network):
        conv = _first_conv(block)
        conv.temporal_shift = (num_segments, shift_div)
        conv.register_forward_pre_hook(_shift_before)


def insert_lora(
    network: Any, num_segments: int, r: int = 8, lora_alpha: int = 16, target_modules: Any = None, **kwargs: Any
) -> None:
    """Put LoRA (Hu et al., ICLR 2022) into linear layers by peft; ``kwargs`` go to its ``LoraConfig``."""
    with needs("LoRA needs the package peft: pip install .[foundation]"):
        import peft

    names = [name for name, module in network.named_modules() if isinstance(module, nn.Linear)]
    usual = {"qkv", "proj", "query", "key", "value", "q_proj", "k_proj", "v_proj"}
    inside = "blocks." if attention_blocks(network) else ""  # not a pooling layer that features may not pass
    default = [name for name in names if name.startswith(inside) and name.rpartition(".")[2] in usual]
    target_modules = target_modules or default
    for module in network.modules():  # timm adds some biases in one call that reads the weight past LoRA
        if getattr(module, "q_bias", None) is not None and hasattr(module, "qkv_bias_separate"):
            module.qkv_bias_separate = True
    config = peft.LoraConfig(r=r, lora_alpha=lora_alpha, target_modules=target_modules, **kwargs)
    try:
        peft.inject_adapter_in_model(config, network)
    except ValueError as error:
        known = ", ".join(sorted({name.rpartition(".")[2] for name in names}))
        raise ValueError(f"LoRA: {target_modules=} fits no layer; linear layers are called {known}") from error
    for name, module in network.named_modules():
        if name.rpartition(".")[2].startswith("lora_"):
            module.is_adapter = True


ADAPTERS: dict[str, Callable[..., None]] = {
    "STAdapter": _insert_bottlenecks(STAdapter),
    "DifferenceAdapter": _insert_bottlenecks(DifferenceAdapter),
    "AIM": insert_aim,
    "LoRA": insert_lora,
    "TemporalShift": insert_shift,
}
OF_FRAMES = ("STAdapter", "DifferenceAdapter", "AIM", "TemporalShift")


def build_adapter(network: nn.Module, cfg: dict[str, Any], num_segments: int) -> bool:
    """Put the adapter of ``cfg`` into ``network``; return whether the network's own weights train with it."""
    kind = cfg.pop("type", None)
    if kind not in ADAPTERS:
        raise ValueError(f"adapter has no type {kind!r}{suggest(str(kind), ADAPTERS)}; known are {', '.join(ADAPTERS)}")
    if kind in OF_FRAMES and num_segments < 2:
        raise ValueError(f"{kind} looks at several frames: set num_segments, the frames of a clip, in the backbone")
    try:
        ADAPTERS[kind](network, num_segments, **cfg)
    except TypeError as error:
        raise TypeError(f"adapter {kind}: {error}") from error
    return kind == "TemporalShift"
