# 2s-AGCN (Shi et al., CVPR 2019): no attention.
model = dict(
    type="RecognizerGCN",
    backbone=dict(type="AAGCN", graph_cfg=dict(layout="coco", mode="spatial"), gcn_attention=False),
    cls_head=dict(type="GCNHead", num_classes=60, in_channels=256),
)
