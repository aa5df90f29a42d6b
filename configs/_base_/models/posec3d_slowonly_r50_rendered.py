_base_ = "posec3d_slowonly_r50.py"

# The heatmaps are drawn on the device of the model; a leaf chooses joints, limbs or both.
model = dict(data_preprocessor=dict(type="PoseHeatmapPreprocessor", sigma=0.6, layout="coco17"))
