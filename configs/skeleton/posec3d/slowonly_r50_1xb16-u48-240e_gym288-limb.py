_base_ = "slowonly_r50_1xb16-u48-240e_gym288-keypoint.py"

# Limbs in the order of the published limb models, so that their checkpoints fit.
model = dict(data_preprocessor=dict(with_kp=False, with_limb=True, layout="coco17_posec3d"))
load_from = (
    "https://download.openmmlab.com/mmaction/v1.0/skeleton/posec3d/"
    "slowonly_r50_8xb16-u48-240e_gym-limb/slowonly_r50_8xb16-u48-240e_gym-limb_20220815-2e6e3c5c.pth"
)
