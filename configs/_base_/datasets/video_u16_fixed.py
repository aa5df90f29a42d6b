_base_ = "video_u32.py"

# The same with 16 frames, for transformers that take one size: testing crops 224 pixels as well.
_sizes = {32: 16}
train_pipeline = [{key: _sizes.get(value, value) for key, value in step.items()} for step in _base_.train_pipeline]
val_pipeline = [{key: _sizes.get(value, value) for key, value in step.items()} for step in _base_.val_pipeline]
_sizes = {32: 16, 256: 224, (-1, 256): (-1, 224)}
test_pipeline = [{key: _sizes.get(value, value) for key, value in step.items()} for step in _base_.test_pipeline]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=val_pipeline))
test_dataloader = dict(dataset=dict(pipeline=test_pipeline))
