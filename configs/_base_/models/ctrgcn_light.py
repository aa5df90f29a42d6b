# CTR-GCN with half the channels and six blocks, for small data sets and for training on a CPU.
_base_ = "ctrgcn.py"

model = dict(
    backbone=dict(base_channels=32, num_stages=6, inflate_stages=(3, 5), down_stages=(3, 5)),
    cls_head=dict(in_channels=128, dropout=0.3, label_smooth_eps=0.1),
)
