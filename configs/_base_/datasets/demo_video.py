_base_ = "video.py"

# For a set that fits into one computer.
train_dataloader = dict(num_workers=2)
val_dataloader = dict(num_workers=2)
test_dataloader = dict(num_workers=2)
