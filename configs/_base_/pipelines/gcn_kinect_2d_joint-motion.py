_base_ = "gcn_kinect_2d_joint.py"

# The motion of joints instead of joints.
_changes = dict(GenSkeFeat=dict(feats=["jm"]))
train_pipeline = [dict(step, **_changes.get(step["type"], {})) for step in _base_.train_pipeline]
val_pipeline = [dict(step, **_changes.get(step["type"], {})) for step in _base_.val_pipeline]
test_pipeline = [dict(step, **_changes.get(step["type"], {})) for step in _base_.test_pipeline]
