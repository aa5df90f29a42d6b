"""Models from files, and clips of every kind through them."""

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.logging import MMLogger

from mmaction.apis import Recognizer, inference_recognizer, inference_skeleton, init_recognizer
from mmaction.apis.clips import as_clip, fit_pipeline
from mmaction.apis.inference import build_pipeline, pipeline_config, skeleton_annotation
from mmaction.datasets.transforms import PreNormalize3D
from mmaction.utils.config import load_config


def skeleton(frames: int = 20, persons: int = 1) -> dict:
    rng = np.random.default_rng(1)
    keypoint = rng.uniform(20, 60, (persons, 1, 17, 2)) + np.linspace(0, 15, frames)[:, None, None]
    return {
        "frame_dir": "walk",
        "keypoint": keypoint.astype(np.float32),
        "keypoint_score": np.ones((persons, frames, 17), np.float32),
        "img_shape": (80, 100),
    }


def test_weights_classes_and_device(rgb):
    model = init_recognizer(*rgb)
    assert not model.training and model.classes == ["jump", "turn", "rest"]
    expected = torch.load(rgb[1], weights_only=True)["state_dict"]
    state = model.state_dict()
    assert all(torch.equal(value.cpu(), expected[key]) for key, value in state.items())
    device = next(model.parameters()).device
    assert device.type == ("cuda" if torch.cuda.is_available() else "cpu")
    assert model.data_preprocessor.device == device


def test_a_loaded_config_is_not_changed_and_weights_are_optional(rgb):
    cfg = Config.fromfile(rgb[0])
    before = cfg.pretty_text
    model = init_recognizer(cfg, device="cpu")
    assert cfg.pretty_text == before and cfg.model.backbone.pretrained == "torchvision://resnet50"
    assert model.cls_head.average_clips == "prob"


def test_class_names_come_from_the_checkpoint_when_the_config_has_none(pose, tmp_path, monkeypatch):
    warned = []
    monkeypatch.setattr(MMLogger, "warning", lambda self, text: warned.append(text))
    content = torch.load(pose[1], weights_only=True)
    content["meta"] = {"dataset_meta": {"classes": ["a", "b", "c"]}}
    torch.save(content, tmp_path / "named.pth")
    assert init_recognizer(pose[0], tmp_path / "named.pth").classes == ["a", "b", "c"]
    assert init_recognizer(pose[0], pose[1]).classes is None
    assert not warned
    cfg = Config.fromfile(pose[0])
    cfg.test_dataloader = {"dataset": {"type": "PoseDataset", "metainfo": {"classes": ["b", "a", "c"]}}}
    assert init_recognizer(cfg, tmp_path / "named.pth").classes == ["b", "a", "c"]
    assert "class 0 is 'a' in one and 'b' in the other" in warned[0]


def test_a_checkpoint_with_more_than_weights_needs_trust(rgb, tmp_path):
    content = torch.load(rgb[1], weights_only=True) | {"where": tmp_path}
    torch.save(content, tmp_path / "more.pth")
    with pytest.raises(ValueError, match=r"more\.pth is refused.*trust_checkpoint=True"):
        init_recognizer(rgb[0], tmp_path / "more.pth")
    assert init_recognizer(rgb[0], tmp_path / "more.pth", trust_checkpoint=True).classes
    cfg = Config.fromfile(rgb[0])
    cfg.trust_checkpoint = True
    assert init_recognizer(cfg, tmp_path / "more.pth").classes


@pytest.fixture
def whole(rgb, tmp_path):
    """A checkpoint that carries its config and class names, as trainings write it."""

    def write(**changed):
        cfg = load_config(rgb[0])[0]
        cfg.merge_from_dict(changed)
        content = torch.load(rgb[1], weights_only=True)
        content["meta"] = {"cfg": cfg.pretty_text, "dataset_meta": {"classes": ["a", "b", "c"]}}
        torch.save(content, tmp_path / "best.pth")
        return tmp_path / "best.pth"

    return write


def test_a_checkpoint_is_enough(rgb, whole, clip_files):
    recognizer = Recognizer.load(whole(), device="cpu")
    found = recognizer(clip_files["video"])
    expected = inference_recognizer(init_recognizer(*rgb, "cpu"), clip_files["video"])
    np.testing.assert_array_equal(found.scores, expected.pred_score.numpy())
    assert recognizer.classes == ["a", "b", "c"] and found.name == "abc"[found.label]
    assert found.name in str(found) and "<table>" in found._repr_html_()


def test_a_checkpoint_without_config_or_with_code_is_refused(rgb, whole):
    with pytest.raises(ValueError, match="carries no config"):
        init_recognizer(rgb[1])
    path = whole(custom_imports={"imports": ["this_runs_code"], "allow_failed_imports": False})
    with pytest.raises(ValueError, match="this_runs_code"):
        init_recognizer(path)


def test_video_folder_array_and_dict_give_the_same_scores(rgb, clip_files):
    model = init_recognizer(*rgb, device="cpu")
    video = inference_recognizer(model, str(clip_files["video"]))
    assert video.pred_score.sum().item() == pytest.approx(1, abs=1e-5)
    assert video.pred_label.item() == video.pred_score.argmax().item()
    for other in (clip_files["frames"], clip_files["array"], {"filename": str(clip_files["video"])}):
        torch.testing.assert_close(inference_recognizer(model, other).pred_score, video.pred_score)
    pipeline = build_pipeline(pipeline_config(model.cfg))
    torch.testing.assert_close(inference_recognizer(model, clip_files["video"], pipeline).pred_score, video.pred_score)


def test_scores_equal_those_of_the_steps_done_by_hand(rgb, clip_files):
    """Frames, scaling and normalization written out for one clip of four frames."""
    import cv2

    model = init_recognizer(*rgb, device="cpu")
    steps = [dict(step) for step in pipeline_config(model.cfg)]
    steps[1].update(num_clips=1)
    score = inference_recognizer(model, clip_files["video"], steps).pred_score
    frames = clip_files["array"][[16, 18, 20, 22]]
    small = np.stack([cv2.resize(frame, (32, 24))[:, 4:28] for frame in frames]).astype(np.float32)
    x = (small - [123.675, 116.28, 103.53]) / [58.395, 57.12, 57.375]
    x = torch.from_numpy(x.astype(np.float32)).permute(3, 0, 1, 2)[None]
    with torch.no_grad():
        logits = model.cls_head.fc_cls(model.backbone(x).mean((2, 3, 4)))
    torch.testing.assert_close(score, logits.softmax(1)[0], atol=1e-4, rtol=0)


def test_skeletons_from_an_annotation_and_from_a_pose_estimator(pose):
    model = init_recognizer(*pose, device="cpu")
    annotation = skeleton(persons=2)
    annotation["keypoint_score"][1, 5:] = 0
    annotation["keypoint"][1, 5:] = 0
    results = []
    for t in range(20):
        seen = slice(0, 2 if t < 5 else 1)
        results.append(
            {"keypoints": annotation["keypoint"][seen, t], "keypoint_scores": annotation["keypoint_score"][seen, t]}
        )
    expected = inference_recognizer(model, annotation).pred_score
    torch.testing.assert_close(inference_skeleton(model, results, (80, 100)).pred_score, expected)


def test_frames_without_anybody_are_empty_rows():
    nobody = {"keypoints": np.zeros((0, 17, 2)), "keypoint_scores": np.zeros((0, 17))}
    one = {"keypoints": np.ones((1, 17, 2)), "keypoint_scores": np.ones((1, 17))}
    annotation = skeleton_annotation([nobody, one, nobody], (10, 20))
    assert annotation["keypoint_score"].sum(axis=(0, 2)).tolist() == [0, 17, 0]
    assert annotation["total_frames"] == 3 and annotation["img_shape"] == (10, 20)
    with pytest.raises(ValueError, match="nobody in 2 frames"):
        skeleton_annotation([nobody, nobody], (10, 20))
    with pytest.raises(ValueError, match=r"pose_results\[1\]: expected keypoints \(persons, 17, 2\)"):
        skeleton_annotation([one, {"keypoints": np.ones((1, 5, 2)), "keypoint_scores": np.ones((1, 5))}], (10, 20))


def test_folders_name_their_frames(tmp_path):
    for number in (7, 8, 9):
        (tmp_path / f"cam{{1}}_{number:03d}.jpg").write_bytes(b"x")
    (tmp_path / "notes.txt").write_text("")
    sample = as_clip(tmp_path).sample
    assert (sample["start_index"], sample["total_frames"]) == (7, 3)
    assert sample["filename_tmpl"].format(8) == "cam{1}_008.jpg"
    (tmp_path / "cam{1}_008.jpg").unlink()
    with pytest.raises(ValueError, match=r"cam\{1\}_008.jpg is missing"):
        as_clip(tmp_path)


def write_frames(folder, template, numbers):
    for number in numbers:
        (folder / template.format(number)).write_bytes(b"x")


@pytest.mark.parametrize("first", ["img", "y"])
def test_of_several_series_the_template_of_the_data_set_is_taken(tmp_path, first):
    for stem in dict.fromkeys((first, "img", "x", "y")):
        write_frames(tmp_path, stem + "_{:05d}.jpg", range(1, 31))
    write_frames(tmp_path, "thumbnail{}.jpg", range(40))
    sample = as_clip(tmp_path, {"filename_tmpl": "img_{:05}.jpg", "modality": "RGB"}).sample
    assert (sample["filename_tmpl"], sample["start_index"], sample["total_frames"]) == ("img_{:05}.jpg", 1, 30)


def test_several_series_of_the_same_length_are_refused(tmp_path):
    for stem in ("img", "x"):
        write_frames(tmp_path, stem + "_{:05d}.jpg", range(1, 4))
    for dataset in (None, {"filename_tmpl": "frame{}.png"}):
        with pytest.raises(ValueError, match=r"2 series of 3 images \(img_00001.jpg, x_00001.jpg\).*filename_tmpl"):
            as_clip(tmp_path, dataset)


@pytest.mark.parametrize(
    ("template", "numbers"),
    [
        ("img_{:03d}.jpg", range(1, 1003)),
        ("img_{:03d}.jpg", range(998, 1002)),
        ("{}.png", range(12)),
        ("{}.png", [8, 9, 10]),
    ],
)
def test_numbers_may_outgrow_their_width(tmp_path, template, numbers):
    write_frames(tmp_path, template, numbers)
    sample = as_clip(tmp_path).sample
    assert (sample["start_index"], sample["total_frames"]) == (numbers[0], len(numbers))
    assert all((tmp_path / sample["filename_tmpl"].format(number)).is_file() for number in numbers)


def test_a_template_of_another_width_or_of_flow(tmp_path):
    write_frames(tmp_path, "img_{:05d}.jpg", range(1, 13))
    assert as_clip(tmp_path, {"filename_tmpl": "img_{}.jpg"}).sample["total_frames"] == 12
    with pytest.raises(ValueError, match=r"cannot name the images of modality RGB|several images the same name"):
        as_clip(tmp_path, {"filename_tmpl": "{}_{:05d}.jpg"})


def test_folders_of_flow(tmp_path):
    for number in (1, 2):
        for part in "xy":
            (tmp_path / f"{part}_{number:05d}.jpg").write_bytes(b"x")
    sample = as_clip(tmp_path, {"modality": "Flow"}).sample
    assert (sample["start_index"], sample["total_frames"], sample["modality"]) == (1, 2, "Flow")
    with pytest.raises(ValueError, match=r"no flow images named flow_x_1\.png"):
        as_clip(tmp_path, {"modality": "Flow", "filename_tmpl": "flow_{}_{}.png"})
    for part in "xy":
        write_frames(tmp_path, part + "_{:05d}.jpg", [4])
    with pytest.raises(ValueError, match=r"x_00003\.jpg is missing"):
        as_clip(tmp_path, {"modality": "Flow"})


def test_video_for_a_model_of_flow(tmp_path):
    (tmp_path / "clip.mp4").write_bytes(b"x")
    with pytest.raises(ValueError, match=r"clip\.mp4 is a video, but the model takes optical flow: .* --task flow"):
        as_clip(tmp_path / "clip.mp4", {"type": "RawframeDataset", "modality": "Flow"})


VIDEO_STEPS = [{"type": "DecordInit"}, {"type": "SampleFrames"}, {"type": "DecordDecode"}, {"type": "Resize"}]
FRAME_STEPS = [{"type": "SampleFrames"}, {"type": "RawFrameDecode", "decoding_backend": "pillow"}]


@pytest.mark.parametrize(
    ("steps", "kind", "opened", "expected"),
    [
        (VIDEO_STEPS, "video", False, ["DecordInit", "SampleFrames", "DecordDecode", "Resize"]),
        (VIDEO_STEPS, "video", True, ["SampleFrames", "DecordDecode", "Resize"]),
        (VIDEO_STEPS, "frames", False, ["SampleFrames", "RawFrameDecode", "Resize"]),
        (VIDEO_STEPS, "array", False, ["SampleFrames", "ArrayDecode", "Resize"]),
        (FRAME_STEPS, "video", False, ["VideoInit", "SampleFrames", "VideoDecode"]),
        (FRAME_STEPS, "video", True, ["SampleFrames", "VideoDecode"]),
    ],
)
def test_pipelines_read_what_they_are_given(steps, kind, opened, expected):
    assert [step["type"] for step in fit_pipeline(steps, kind, opened)] == expected


@pytest.mark.parametrize("decoder", ["MMDecode", "VideoPoseDecode"])
@pytest.mark.parametrize("kind", ["video", "frames", "array", "skeleton"])
def test_a_pipeline_of_frames_and_skeletons_fits_no_clip(decoder, kind):
    with pytest.raises(ValueError, match=rf"reads frames and skeletons at once .*{decoder}.*tools/test\.py"):
        fit_pipeline([{"type": "MMUniformSampleFrames"}, {"type": decoder}], kind)


def test_a_fitting_decoder_keeps_its_options():
    assert fit_pipeline(FRAME_STEPS, "frames") == FRAME_STEPS


@pytest.mark.parametrize(
    ("source", "error", "message"),
    [
        ("absent/clip.mp4", FileNotFoundError, "no video or folder absent/clip.mp4"),
        (3, TypeError, "path, an array or a dict.*int"),
        (np.full((3, 4, 5, 3), 0.5), ValueError, r"uint8, values 0 to 255; got float64 with values from 0.5 to 0.5"),
        ({"array": np.zeros((3, 4, 5, 3), np.float32)}, ValueError, "uint8"),
        (np.zeros((3, 4, 5)), ValueError, r"\(T, H, W, C\); got shape \(3, 4, 5\)"),
        ({"label": 3}, ValueError, "needs keypoint, array, frame_dir, filename; got the keys label"),
        ({"keypoint": np.zeros((1, 4, 17, 2))}, ValueError, "no img_shape"),
        ({**skeleton(), "keypoint": skeleton()["keypoint"] / 100}, ValueError, "walk: all .* multiply them by width"),
        ({**skeleton(), "keypoint_score": np.full((1, 20, 17), 90)}, ValueError, "divide percentages by 100"),
        ({"keypoint": np.zeros((4, 17, 2)), "img_shape": (4, 4)}, ValueError, r"skeleton .*\(M, T, V, 2 or 3\)"),
    ],
)
def test_what_cannot_be_classified_is_explained(source, error, message):
    with pytest.raises(error, match=message):
        as_clip(source)


def test_joints_in_space_need_no_image():
    clip = as_clip({"keypoint": np.ones((1, 4, 20, 3)), "frame_dir": "walk"})
    step = PreNormalize3D(layout="kinect20", align_spine=False, align_shoulder=False)
    assert step(dict(clip.sample))["keypoint"].shape == (1, 4, 20, 3) and "original_shape" not in clip.sample
    in_image = as_clip({"keypoint": np.ones((1, 4, 20, 3)), "frame_dir": "walk", "img_shape": (10, 10)})
    with pytest.raises(ValueError, match="walk has an img_shape, so its joints lie in no space"):
        step(dict(in_image.sample))


def test_models_and_clips_that_do_not_fit_are_explained(rgb, pose, clip_files, tmp_path):
    with pytest.raises(ValueError, match="reads no skeletons"):
        inference_recognizer(init_recognizer(rgb[0]), skeleton())
    with pytest.raises(ValueError, match=r"reads no frames .*extract_poses"):
        inference_recognizer(init_recognizer(pose[0]), clip_files["video"])
    (tmp_path / "many.pkl").write_bytes(b"")
    with pytest.raises(ValueError, match=r"many\.pkl holds many skeletons.*tools/infer\.py"):
        inference_recognizer(init_recognizer(pose[0]), tmp_path / "many.pkl")
    with pytest.raises(ValueError, match="does not fit"):
        init_recognizer(rgb[0], pose[1])
    with pytest.raises(ValueError, match="device cuda:99 is not there"):
        init_recognizer(rgb[0], device="cuda:99")
    (tmp_path / "empty.py").write_text("a = 1")
    with pytest.raises(ValueError, match=r"empty\.py has no model; its entries are a"):
        init_recognizer(tmp_path / "empty.py")
    near = clip_files["video"].with_name("clib.mp4")
    with pytest.raises(FileNotFoundError, match=r"clib.mp4; did you mean .*clip.mp4"):
        inference_recognizer(init_recognizer(rgb[0]), near)
