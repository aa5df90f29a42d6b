_base_ = "video_u32.py"

# The same with 64 frames of 112 pixels: twice the frames, half the size.
_sizes = {32: 64, 256: 128, 224: 112, (-1, 256): (-1, 128), (224, 224): (112, 112)}
train_pipeline = [{key: _sizes.get(value, value) for key, value in step.items()} for step in _base_.train_pipeline]
val_pipeline = [{key: _sizes.get(value, value) for key, value in step.items()} for step in _base_.val_pipeline]
test_pipeline = [{key: _sizes.get(value, value) for key, value in step.items()} for step in _base_.test_pipeline]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=val_pipeline))
test_dataloader = dict(dataset=dict(pipeline=test_pipeline))
