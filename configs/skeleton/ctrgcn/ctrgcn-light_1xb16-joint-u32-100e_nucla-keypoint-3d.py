# As ST-GCN++ light, with CTR-GCN: copy that config for another small skeleton set, and let this one name the copy.
_base_ = "../stgcnpp/stgcnpp-light_1xb16-joint-u32-100e_nucla-keypoint-3d.py"

model = dict(
    backbone=dict(
        _delete_=True,
        type="CTRGCN",
        base_channels=32,
        num_stages=6,
        inflate_stages=(3, 5),
        down_stages=(3, 5),
        graph_cfg=dict(layout=_base_.layout, mode="spatial"),
        num_person=_base_.num_person,
    )
)
