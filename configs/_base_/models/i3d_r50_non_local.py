_base_ = "i3d_r50.py"

# Five non-local blocks in stages 2 and 3 (Wang et al., CVPR 2018); a leaf names the ``mode``.
model = dict(
    backbone=dict(
        non_local=((0, 0, 0), (0, 1, 0, 1), (0, 1, 0, 1, 0, 1), (0, 0, 0)),
        non_local_cfg=dict(sub_sample=True, use_scale=False, norm_cfg=dict(type="BN3d", requires_grad=True)),
    )
)
