# 100 frames of two persons, joints of NTU RGB+D in space; 10 clips in testing.
_first = [
    dict(type="PreNormalize3D"),
    dict(type="GenSkeFeat", dataset="nturgb+d", feats=["j"]),
]
_last = [
    dict(type="PoseDecode"),
    dict(type="FormatGCNInput", num_person=2),
    dict(type="PackActionInputs"),
]
train_pipeline = [*_first, dict(type="UniformSampleFrames", clip_len=100), *_last]
val_pipeline = [*_first, dict(type="UniformSampleFrames", clip_len=100, num_clips=1, test_mode=True), *_last]
test_pipeline = [*_first, dict(type="UniformSampleFrames", clip_len=100, num_clips=10, test_mode=True), *_last]
