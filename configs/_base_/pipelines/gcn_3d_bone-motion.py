_base_ = "gcn_3d_joint.py"

# The motion of bones instead of joints.
_changes = dict(GenSkeFeat=dict(feats=["bm"]))
train_pipeline = [dict(step, **_changes.get(step["type"], {})) for step in _base_.train_pipeline]
val_pipeline = [dict(step, **_changes.get(step["type"], {})) for step in _base_.val_pipeline]
test_pipeline = [dict(step, **_changes.get(step["type"], {})) for step in _base_.test_pipeline]
