_base_ = "video_u32.py"

# The same with frames of 256 pixels.
_sizes = {224: 256, (224, 224): (256, 256)}
train_pipeline = [{key: _sizes.get(value, value) for key, value in step.items()} for step in _base_.train_pipeline]
val_pipeline = [{key: _sizes.get(value, value) for key, value in step.items()} for step in _base_.val_pipeline]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=val_pipeline))
