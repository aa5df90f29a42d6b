_base_ = "video_u32_256.py"

# Clips of 32 frames, every second one, of 256 pixels, as the probes of V-JEPA 2 see them; testing takes 4 x 3 views.
_clip = dict(type="SampleFrames", clip_len=32, frame_interval=2, out_of_bound_opt="repeat_last")
train_pipeline = [dict(step) for step in _base_.train_pipeline]
train_pipeline[1] = dict(_clip)
val_pipeline = [dict(step) for step in _base_.val_pipeline]
val_pipeline[1] = dict(_clip, num_clips=1, test_mode=True)
test_pipeline = [dict(step) for step in _base_.test_pipeline]
test_pipeline[1] = dict(_clip, num_clips=4, test_mode=True)
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=val_pipeline))
test_dataloader = dict(dataset=dict(pipeline=test_pipeline))
