"""The names of MMAction2's transformers for the tensors of the libraries' networks."""

import re
from collections.abc import Callable

Rename = Callable[[str], str]

MVIT = """
pos_encoding.class_token cls_token
conv_proj.* patch_embed.projection.*
blocks.#.attn.project.0.* blocks.#.attn.proj.*
blocks.#.attn.pool_@.pool.* blocks.#.attn.pool_@.*
blocks.#.attn.pool_@.norm_act.0.* blocks.#.attn.norm_@.*
blocks.#.mlp.0.* blocks.#.mlp.fc1.*
blocks.#.mlp.3.* blocks.#.mlp.fc2.*
blocks.#.project.* blocks.#.proj.*
norm.* norm3.*
"""
SWIN = """
features.0.* layers.0.blocks.*
features.1.* layers.0.downsample.*
features.2.* layers.1.blocks.*
features.3.* layers.1.downsample.*
features.4.* layers.2.blocks.*
features.5.* layers.2.downsample.*
features.6.* layers.3.blocks.*
layers.#.blocks.#.mlp.0.* layers.#.blocks.#.mlp.fc1.*
layers.#.blocks.#.mlp.3.* layers.#.blocks.#.mlp.fc2.*
norm.* norm3.*
"""
VIDEO_MAE = """
blocks.#.mlp.fc1.* blocks.#.mlp.layers.0.0.*
blocks.#.mlp.fc2.* blocks.#.mlp.layers.1.*
"""
TIME_SFORMER = """
embeddings.cls_token cls_token
embeddings.position_embeddings pos_embed
embeddings.time_embeddings time_embed
embeddings.patch_embeddings.* patch_embed.*
layernorm.* norm.*
encoder.layer.#.temporal_layernorm.* transformer_layers.layers.#.attentions.0.norm.*
encoder.layer.#.temporal_attention.attention.qkv.* transformer_layers.layers.#.attentions.0.attn.in_proj_*
encoder.layer.#.temporal_attention.output.dense.* transformer_layers.layers.#.attentions.0.attn.out_proj.*
encoder.layer.#.temporal_dense.* transformer_layers.layers.#.attentions.0.temporal_fc.*
encoder.layer.#.layernorm_before.* transformer_layers.layers.#.attentions.SPACE.norm.*
encoder.layer.#.attention.attention.qkv.* transformer_layers.layers.#.attentions.SPACE.attn.in_proj_*
encoder.layer.#.attention.output.dense.* transformer_layers.layers.#.attentions.SPACE.attn.out_proj.*
encoder.layer.#.layernorm_after.* transformer_layers.layers.#.ffns.0.norm.*
encoder.layer.#.intermediate.dense.* transformer_layers.layers.#.ffns.0.layers.0.0.*
encoder.layer.#.output.dense.* transformer_layers.layers.#.ffns.0.layers.1.*
"""
"""Lines of the library's and the published name: # is a number, @ a letter, and * the rest, which stay as they are."""

_KEPT = {"#": r"(\d+)", "@": r"(\w)", "*": r"(.*)"}


def renaming(table: str) -> Rename:
    """Return the function that renames by ``table``, line after line; what no line describes keeps its name."""
    rules = []
    for line in table.strip().splitlines():
        own, published = line.split()
        pattern = "".join(_KEPT.get(letter, re.escape(letter)) for letter in own)
        places = iter(range(1, 9))
        replacement = "".join(rf"\{next(places)}" if letter in _KEPT else letter for letter in published)
        rules.append((re.compile(pattern), replacement))

    def renamed(name: str) -> str:
        for pattern, replacement in rules:
            if match := pattern.fullmatch(name):
                name = match.expand(replacement)
        return name

    return renamed
