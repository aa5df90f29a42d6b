# CTR-GCN (Chen et al., ICCV 2021).
model = dict(
    type="RecognizerGCN",
    backbone=dict(type="CTRGCN", graph_cfg=dict(layout="coco", mode="spatial")),
    cls_head=dict(type="GCNHead", num_classes=60, in_channels=256),
)
