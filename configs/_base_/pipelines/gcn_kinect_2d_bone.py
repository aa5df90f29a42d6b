_base_ = "gcn_kinect_2d_joint.py"

# Bones instead of joints.
_changes = dict(GenSkeFeat=dict(feats=["b"]))
train_pipeline = [dict(step, **_changes.get(step["type"], {})) for step in _base_.train_pipeline]
val_pipeline = [dict(step, **_changes.get(step["type"], {})) for step in _base_.val_pipeline]
test_pipeline = [dict(step, **_changes.get(step["type"], {})) for step in _base_.test_pipeline]
