# For small data sets: 32 frames of joints in the image; turned, scaled and cut in training.
# A leaf sets the layout and the number of persons.
_normalize = [dict(type="PreNormalize2D", by="clip")]
_augment = [dict(type="RandomScale", scale=0.2), dict(type="RandomRot", theta=0.3)]
_features = [dict(type="GenSkeFeat", dataset="kinect20", feats=["j"])]
_format = [dict(type="PoseDecode"), dict(type="FormatGCNInput", num_person=1), dict(type="PackActionInputs")]
_frames = dict(type="UniformSampleFrames", clip_len=32, loop=False)
train_pipeline = [*_normalize, *_augment, *_features, dict(_frames, min_span=0.75), *_format]
val_pipeline = [*_normalize, *_features, dict(_frames, num_clips=1, test_mode=True), *_format]
test_pipeline = [*_normalize, *_features, dict(_frames, num_clips=5, test_mode=True), *_format]
