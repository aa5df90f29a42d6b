_base_ = "rgb_8x8.py"

# The same clips, with decoding, cropping and scaling in one step: only the pixels that the model gets are converted.
_lazy = {"DecordInit": "VideoInit", "DecordDecode": "VideoDecode"}
train_pipeline = [dict(step, type=_lazy.get(step["type"], step["type"])) for step in _base_.train_pipeline]
val_pipeline = [dict(step, type=_lazy.get(step["type"], step["type"])) for step in _base_.val_pipeline]
test_pipeline = [dict(step, type=_lazy.get(step["type"], step["type"])) for step in _base_.test_pipeline]
