# For small data sets: 64 frames of one person, turned and scaled in training; 10 clips in testing.
# Joints of a Kinect in space. For other skeletons, copy this file and change the layout.
_layout = "kinect20"

_normalize = [dict(type="PreNormalize3D", layout=_layout)]
_augment = [dict(type="RandomScale", scale=0.1), dict(type="RandomRot", theta=0.3)]
_features = [dict(type="GenSkeFeat", dataset=_layout, feats=["j"])]
_format = [dict(type="PoseDecode"), dict(type="FormatGCNInput", num_person=1), dict(type="PackActionInputs")]
_frames = dict(type="UniformSampleFrames", clip_len=64)
train_pipeline = [*_normalize, *_augment, *_features, _frames, *_format]
val_pipeline = [*_normalize, *_features, dict(_frames, num_clips=1, test_mode=True), *_format]
test_pipeline = [*_normalize, *_features, dict(_frames, num_clips=10, test_mode=True), *_format]
