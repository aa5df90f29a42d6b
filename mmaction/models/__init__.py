"""Networks: backbones, heads, losses, recognizers and the preparation of their input."""
