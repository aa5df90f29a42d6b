# For small data sets: 32 frames of joints in space, y being the vertical. In training a clip is turned as if the camera
# stood elsewhere, and cut; each clip is fitted into the cube from -1 to 1. A leaf sets the layout and the number of
# persons.
_normalize = [dict(type="PreNormalize3D", layout="kinect20", align_spine=False, align_shoulder=False)]
_turn = [dict(type="RandomRot", theta=(1.05, 1.05, 0))]
_features = [dict(type="FitJoints"), dict(type="GenSkeFeat", dataset="kinect20", feats=["j"])]
_format = [dict(type="PoseDecode"), dict(type="FormatGCNInput", num_person=1), dict(type="PackActionInputs")]
_frames = dict(type="UniformSampleFrames", clip_len=32, loop=False)
train_pipeline = [*_normalize, *_turn, *_features, dict(_frames, min_span=0.75), *_format]
val_pipeline = [*_normalize, *_features, dict(_frames, num_clips=1, test_mode=True), *_format]
test_pipeline = [*_normalize, *_features, dict(_frames, num_clips=5, test_mode=True), *_format]
