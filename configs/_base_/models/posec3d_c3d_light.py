# C3D-light of PoseC3D (Duan et al., CVPR 2022) on 32 frames of 24x24, for small data sets and for training on a CPU.
# ``in_channels`` is the number of joints of the layout, or of its limbs where limbs are drawn, or the sum.
model = dict(
    type="Recognizer3D",
    data_preprocessor=dict(type="PoseHeatmapPreprocessor", sigma=0.8),
    backbone=dict(type="C3D", base_channels=24, num_stages=3),
    cls_head=dict(type="I3DHead", in_channels=192, dropout_ratio=0.5, label_smooth_eps=0.1, average_clips="prob"),
)
