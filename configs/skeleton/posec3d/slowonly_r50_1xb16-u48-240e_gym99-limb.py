_base_ = "slowonly_r50_1xb16-u48-240e_gym99-keypoint.py"

# Limbs in the order of the published limb models, so that their checkpoints fit.
model = dict(data_preprocessor=dict(with_kp=False, with_limb=True, layout="coco17_posec3d"))
