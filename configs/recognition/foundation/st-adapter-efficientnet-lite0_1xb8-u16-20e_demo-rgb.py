_base_ = "tsm-efficientnet-lite0_1xb8-u16-20e_demo-rgb.py"

# The network stays frozen; temporal convolutions between its blocks learn.
model = dict(backbone=dict(adapter=dict(type="STAdapter", width=96)))
