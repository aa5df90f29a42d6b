_base_ = "rgb_32x2_slowfast.py"

# The same with fixed crops of two scales in training.
_crop = dict(type="MultiScaleCrop", input_size=224, scales=(1, 0.8), random_crop=False, max_wh_scale_gap=0)
train_pipeline = [_crop if step["type"] == "RandomResizedCrop" else step for step in _base_.train_pipeline]
