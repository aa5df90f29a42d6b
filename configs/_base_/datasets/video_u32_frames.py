_base_ = "video_u32.py"

# 32 frames, each an image of its own, for image transformers that take one size: testing crops 224 pixels as well.
_frames = dict(FormatShape=dict(input_format="NCHW"))
train_pipeline = [dict(step, **_frames.get(step["type"], {})) for step in _base_.train_pipeline]
val_pipeline = [dict(step, **_frames.get(step["type"], {})) for step in _base_.val_pipeline]
_frames = dict(_frames, Resize=dict(scale=(-1, 224)), ThreeCrop=dict(crop_size=224))
test_pipeline = [dict(step, **_frames.get(step["type"], {})) for step in _base_.test_pipeline]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=val_pipeline))
test_dataloader = dict(dataset=dict(pipeline=test_pipeline))
