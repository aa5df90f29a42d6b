_base_ = "posec3d_limbs.py"

# As published for FineGym: the flipped copy in testing names the joint pairs beside the limb pairs.
_pairs = dict(GeneratePoseTarget=dict(left_kp=_base_.left_kp, right_kp=_base_.right_kp))
test_pipeline = [dict(step, **_pairs.get(step["type"], {})) for step in _base_.test_pipeline]
