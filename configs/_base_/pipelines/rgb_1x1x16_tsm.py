_base_ = "rgb_1x1x8_tsm.py"

# The same with 16 frames. As published, the decoder of the validation is given the storage as well.
_sampling = dict(SampleFrames=dict(num_clips=16))
_storage = dict(DecordDecode=_base_.file_client_args)
train_pipeline = [dict(step, **_sampling.get(step["type"], {})) for step in _base_.train_pipeline]
val_pipeline = [dict(step, **(_sampling | _storage).get(step["type"], {})) for step in _base_.val_pipeline]
test_pipeline = [dict(step, **_sampling.get(step["type"], {})) for step in _base_.test_pipeline]
