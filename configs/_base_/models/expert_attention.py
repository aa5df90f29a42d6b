# Attention across experts. A leaf names them: in_channels=dict(NAME=length of its features), their sum in cls_head.
model = dict(
    type="RecognizerFusion",
    backbone=dict(type="ExpertAttention", width=64, depth=1, num_heads=4, dropout=0.3, expert_dropout=0.2),
    cls_head=dict(type="ExpertHead", dropout_ratio=0.5, label_smooth_eps=0.1),
)
