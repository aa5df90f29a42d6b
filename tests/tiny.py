"""Configs of tiny size, for the tests that build or run them."""

# sizes in the configs -> sizes in the tests
PIXELS = {256: 40, 128: 40, 224: 32, 64: 24, 56: 16, 48: 16, 32: 16, 40: 24, 72: 24, 112: 40, 102: 40, 104: 40, 96: 40}
MOST_FRAMES, MOST_CLIPS, MOST_SEGMENTS = 8, 2, 16
NARROWER = 4


def shrink_step(step: dict, segments: bool) -> dict:
    """Return a transform config with small images and few frames."""
    step = dict(step)
    for key in ("scale", "crop_size", "input_size", "size"):
        if key in step:
            value = step[key]
            is_pair = isinstance(value, (list, tuple))
            step[key] = tuple(PIXELS.get(v, v) for v in value) if is_pair else PIXELS.get(value, value)
    if "clip_len" in step:
        most = MOST_SEGMENTS if segments else 16 if step.get("frame_interval") == 2 else MOST_FRAMES
        lengths = step["clip_len"]
        is_dict = isinstance(lengths, dict)
        step["clip_len"] = {key: n // 4 for key, n in lengths.items()} if is_dict else min(lengths, most)
        step["num_clips"] = min(step.get("num_clips", 1), MOST_SEGMENTS if segments else MOST_CLIPS)
    return step


def loaders(cfg) -> dict:
    """Return the configs of the loaders by split; a config for testing alone has one."""
    return {name: loader for name in ("train", "val", "test") if (loader := cfg.get(f"{name}_dataloader"))}


def datasets(cfg) -> list:
    """Return the configs of the data sets without their wrappers, whose repetitions are set to one."""
    found = []
    for loader in loaders(cfg).values():
        dataset = loader.dataset
        while "dataset" in dataset:
            dataset["times"] = 1
            dataset = dataset.dataset
        found.append(dataset)
    return found


def shrink_transformers_video(model) -> None:
    """Take a transformer of two layers for the small clips."""
    backbone = model.backbone
    is_vjepa2 = backbone.config.model_type == "vjepa2"
    width = 48 if is_vjepa2 else 32
    backbone.config.update(hidden_size=width, num_hidden_layers=2, num_attention_heads=2)
    backbone.config.update(dict(pred_hidden_size=24, pred_num_attention_heads=2) if is_vjepa2 else {})
    backbone.update(num_frames=MOST_FRAMES, img_size=PIXELS[256 if is_vjepa2 else 224])
    model.cls_head.in_channels = width
    if "num_heads" in model.cls_head:
        model.cls_head.num_heads = 2


def shrink_timm_image(model) -> None:
    """Take a transformer of two layers for few and small frames; a CNN stays as it is."""
    if not model.backbone.model.startswith("vit"):
        return
    model.backbone.img_size = PIXELS[224]
    model.backbone.model_kwargs = dict(embed_dim=32, depth=2, num_heads=2)
    model.cls_head.in_channels = 32


def shrink_published(model, **sizes) -> None:
    """Take two layers of 32 channels for the small clips."""
    model.backbone.update(embed_dims=32, num_heads=2, img_size=PIXELS[224], **sizes)
    model.cls_head.in_channels = 32


def shrink_swin(model) -> None:
    """Take four stages of a block each."""
    arch = dict(embed_dims=8, depths=[1] * 4, num_heads=[1, 2, 2, 2])
    model.backbone.update(arch=arch, window_size=(2, 3, 3))
    model.cls_head.in_channels = 64


def shrink_mvit(model) -> None:
    """Take three blocks of 8 and 16 channels for the small clips."""
    arch = dict(embed_dims=8, num_layers=3, num_heads=1, downscale_indices=[1])
    model.backbone.update(arch=arch, spatial_size=PIXELS[224], temporal_size=MOST_FRAMES)
    model.cls_head.in_channels = 16


def shrink_uniformerv2(model) -> None:
    """Take five blocks of 24 channels and random weights for all 400 classes."""
    sizes = dict(width=24, layers=5, heads=2, n_dim=24, n_head=2, return_list=[1, 2, 3, 4])
    model.backbone.update(input_resolution=PIXELS[224], init_cfg=None, **sizes)
    model.cls_head.update(in_channels=24, init_cfg=None)


FOUNDATION = {
    "MViT": shrink_mvit,
    "SwinTransformer3D": shrink_swin,
    "TimeSformer": lambda model: shrink_published(model, num_transformer_layers=2),
    "UniFormerV2": shrink_uniformerv2,
    "VisionTransformer": lambda model: shrink_published(model, depth=2),
    "TransformersVideo": shrink_transformers_video,
    "TimmImage": shrink_timm_image,
    "TorchvisionVideo": lambda model: None,  # which has sizes of its own
}


def shrink_model(model) -> None:
    """Divide the width of a network and of what its head expects by ``NARROWER``; take the 2D ResNet of 18 layers."""
    backbone = model.backbone
    if backbone.type in FOUNDATION:
        FOUNDATION[backbone.type](model)
        return
    if backbone.type == "ExpertAttention":  # its width is small, its input comes from files
        return
    if backbone.type in ("ResNet", "ResNetTSM"):  # have no argument for their width
        if backbone.depth >= 50:
            backbone.depth, model.cls_head.in_channels = 18, model.cls_head.in_channels // 4
        return
    paths = [part for name, part in backbone.items() if name.endswith("_pathway")] or [backbone]
    if "neck" in model or not all(path.get("base_channels", 64) % NARROWER == 0 for path in paths):
        return
    for path in paths:
        path.base_channels = path.get("base_channels", 64) // NARROWER
        if path.get("depth") == 101:
            path.depth = 50
    width = model.cls_head.in_channels
    model.cls_head.in_channels = width // NARROWER if isinstance(width, int) else [n // NARROWER for n in width]


def shallow(backbone) -> None:
    """Leave one block of each stage, and of a graph network the blocks in which its channels change."""
    if "graph_cfg" in backbone:
        backbone.update(num_stages=3, inflate_stages=(2, 3), down_stages=(2, 3))
    elif "3d" in backbone.type.lower() or "Plus1d" in backbone.type:
        for path in [part for name, part in backbone.items() if name.endswith("_pathway")] or [backbone]:
            path.stage_blocks = (1,) * path.get("num_stages", 4)
            if "inflate" in path:
                path.inflate = [max(stage) if isinstance(stage, (list, tuple)) else stage for stage in path.inflate]


def shrink_config(cfg, epochs: int = 1) -> None:
    """Let a config train ``epochs`` epochs in this process, on small inputs, from initial weights, a narrow network."""
    shrink_model(cfg.model)
    for dataset in datasets(cfg):
        if "pipeline" in dataset:
            dataset.pipeline = [shrink_step(step, cfg.model.type == "Recognizer2D") for step in dataset.pipeline]
    neck = cfg.model.get("neck") or {}
    if neck.get("type") == "PoseReader":  # whose 3D network needs larger maps than late stages of small frames give
        cfg.model.backbone.stages, neck["in_channels"] = (0, 1), (16, 24)
    for part in (cfg.model.backbone, cfg.model.cls_head, neck) if cfg.model.backbone.type in FOUNDATION else ():
        frames = next(step["clip_len"] for step in datasets(cfg)[0].pipeline if "clip_len" in step)
        part.update({key: frames for key in ("num_frames", "num_segments") if key in part})
    for name, loader in loaders(cfg).items():
        loader.update(batch_size=2 if name == "train" else 1, num_workers=0, persistent_workers=False)
    cfg.load_from = None
    if "pretrained" in cfg.model.backbone:  # which is no argument of every backbone
        cfg.model.backbone.pretrained = None
    if cfg.get("train_cfg"):
        cfg.train_cfg.update(max_epochs=epochs, val_begin=epochs, val_interval=1)
