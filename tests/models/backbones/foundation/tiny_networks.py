"""Tiny networks of the libraries, with random weights, built without network access."""

SIZES = dict(hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=64)
VJEPA2 = dict(
    model_type="vjepa2", hidden_size=48, num_hidden_layers=2, num_attention_heads=2, crop_size=32, frames_per_clip=4,
    pred_hidden_size=24, pred_num_attention_heads=2, pred_num_hidden_layers=1,
)  # fmt: skip
PRISM = dict(hidden_size=32, num_attention_heads=2, intermediate_size=64, num_spatial_layers=2, num_temporal_layers=1)
CONFIGS = {
    "videomae": dict(model_type="videomae", **SIZES, image_size=32, patch_size=16, num_frames=4),
    "vjepa2": VJEPA2,
    "timesformer": dict(model_type="timesformer", **SIZES, image_size=32, patch_size=16, num_frames=4),
    "vivit": dict(model_type="vivit", **SIZES, image_size=32, num_frames=4),
    "videoprism": dict(model_type="videoprism", **PRISM, image_size=36, num_frames=4),
}
VIT = dict(embed_dim=32, depth=2, num_heads=2)
VITS = {
    "vit_base_patch16_clip_224.openai": 32,
    "vit_base_patch14_dinov2": 28,
    "vit_base_patch16_siglip_224": 32,
    "vit_base_patch16_dinov3": 32,
    "eva02_base_patch14_224": 28,
}
"""timm's names to a size of frames."""
