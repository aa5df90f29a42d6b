import os
import re
import shutil

import numpy as np
import pytest

from mmaction.cli import resize_videos
from mmaction.io.video import VideoError, open_video, probe
from mmaction.preparation.resizing import ResizeSpec, even_shape, resize_video


@pytest.fixture
def videos(demo_data, tmp_path):
    folder = tmp_path / "src"
    (folder / "deep").mkdir(parents=True)
    clips = sorted((demo_data / "videos").glob("*.mp4"))
    shutil.copy(clips[0], folder / "one.mp4")
    shutil.copy(clips[1], folder / "deep" / "two.mp4")
    return folder


def frames_of(path):
    reader = open_video(path)
    return np.stack([frame.rgb() for _, frame in reader.frames(range(reader.num_frames))]).astype(int)


def test_copies_have_the_frames_the_times_and_close_key_frames(videos, tmp_path):
    out = tmp_path / "out"
    assert resize_videos.main([str(videos), str(out), "--short", "48", "--keyframe-every", "5", "--crf", "10"]) == 0
    for name in ("one.mp4", "deep/two.mp4"):
        before, after = probe(videos / name), probe(out / name)
        assert after.num_frames == before.num_frames and after.fps == pytest.approx(before.fps)
        assert len(after.key_times) >= before.num_frames // 5
        assert after.decord_is_exact
        small, large = frames_of(out / name), frames_of(videos / name)
        assert small.shape[1:] == (48, 64, 3)
        for index in (0, small.shape[0] // 2, -1):
            means = [
                image.reshape(6, -1, 8, image.shape[1] // 8, 3).mean(axis=(1, 3))
                for image in (small[index], large[index])
            ]
            assert np.abs(means[0] - means[1]).mean() < 4


def test_small_videos_keep_their_size(videos, tmp_path):
    resize_videos.main([str(videos), str(tmp_path / "out")])
    assert frames_of(tmp_path / "out/one.mp4").shape == frames_of(videos / "one.mp4").shape


def test_edges_are_even_and_never_enlarged():
    assert even_shape((1080, 1920), 256) == (256, 454)
    assert even_shape((1920, 1080), 320) == (568, 320)
    assert even_shape((99, 131), 256) == (98, 130)


def test_phone_video_becomes_upright(shared, tmp_path):
    assert resize_video(shared / "data/video/video_90.mov", tmp_path / "x.mp4", ResizeSpec(short=128)) == 3
    small, large = frames_of(tmp_path / "x.mp4"), frames_of(shared / "data/video/video_90.mov")
    assert small.shape == (3, 226, 128, 3)
    assert np.abs(small.mean(axis=(1, 2)) - large.mean(axis=(1, 2))).max() < 6


def test_containers_without_times_are_counted(shared, tmp_path):
    assert resize_video(shared / "data/video/test.avi", tmp_path / "x.mp4", ResizeSpec(short=64)) == 164
    assert probe(tmp_path / "x.mp4").fps == 25
    assert probe(tmp_path / "x.mp4").decord_is_exact


def test_a_video_that_is_cut_off_leaves_no_copy(shared, tmp_path):
    content = (shared / "data/video/test.avi").read_bytes()
    (tmp_path / "cut.avi").write_bytes(content[: len(content) // 4])
    with pytest.raises(VideoError, match=r"cut\.avi: cut off, 34 of 164 frames are there"):
        resize_video(tmp_path / "cut.avi", tmp_path / "out/cut.mp4", ResizeSpec(short=64))
    assert not list((tmp_path / "out").iterdir())


def test_a_video_that_breaks_off_is_named_and_leaves_no_copy(shared, videos, tmp_path, capsys):
    shutil.copy(shared / "data/video/corrupted.mp4", videos / "corrupted.mp4")
    out = tmp_path / "out"
    assert resize_videos.main([str(videos), str(out), "--short", "48"]) == 1
    assert "2 of 3 videos done; 1 failed" in capsys.readouterr().out
    assert "corrupted: " in (out / "failed.txt").read_text()
    assert "frame 28" in (out / "failed.txt").read_text()
    assert sorted(path.name for path in out.rglob("*.mp4")) == ["one.mp4", "two.mp4"]


def test_finished_copies_are_kept_and_removed_or_emptied_ones_made_again(videos, tmp_path, capsys):
    out = tmp_path / "out"
    resize_videos.main([str(videos), str(out), "--short", "48"])
    before = (out / "deep/two.mp4").stat().st_mtime_ns
    for spoil in (os.unlink, lambda copy: os.truncate(copy, 0)):
        spoil(out / "one.mp4")
        assert resize_videos.main([str(videos), str(out), "--short", "48"]) == 0
        assert "2 of 2 videos done, 1 of them by an earlier run" in capsys.readouterr().out
        assert (out / "deep/two.mp4").stat().st_mtime_ns == before and (out / "one.mp4").stat().st_size


def test_a_foreign_file_stays_and_its_video_fails(videos, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    (out / "one.mp4").write_text("mine")
    for _ in range(2):
        assert resize_videos.main([str(videos), str(out), "--short", "48"]) == 1
        assert (out / "one.mp4").read_text() == "mine" and (out / "deep/two.mp4").is_file()
        assert re.fullmatch(
            r"one: .*out/one.mp4 is there already, not from a run that .*resized.jsonl records; move it or use "
            r"--overwrite\n",
            (out / "failed.txt").read_text(),
        )
    assert resize_videos.main([str(videos), str(out), "--short", "48", "--overwrite"]) == 0
    assert probe(out / "one.mp4").num_frames


def test_a_run_killed_before_it_recorded_its_copy_goes_on(videos, tmp_path, monkeypatch):
    def kill(*args):
        resize_video(*args)
        raise KeyboardInterrupt

    arguments = [str(videos), str(tmp_path / "out"), "--short", "48", "--workers", "1"]
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(resize_videos, "resize_video", kill)
        resize_videos.main(arguments)
    assert list((tmp_path / "out").rglob("*.mp4"))
    assert resize_videos.main(arguments) == 0


def test_what_lies_in_the_place_of_a_failed_copy_stays_too(videos, tmp_path):
    out, whole = tmp_path / "out", (videos / "one.mp4").read_bytes()
    (videos / "one.mp4").write_text("no video")
    assert resize_videos.main([str(videos), str(out), "--short", "48"]) == 1
    (out / "one.mp4").write_text("mine")
    (videos / "one.mp4").write_bytes(whole)
    assert resize_videos.main([str(videos), str(out), "--short", "48"]) == 1
    assert (out / "one.mp4").read_text() == "mine"
    (out / "one.mp4").unlink()
    assert resize_videos.main([str(videos), str(out), "--short", "48"]) == 0
    (videos / "one.mp4").write_text("no video any more")
    assert resize_videos.main([str(videos), str(out), "--short", "48"]) == 1
    (videos / "one.mp4").write_bytes(whole)
    assert resize_videos.main([str(videos), str(out), "--short", "48"]) == 0  # over our own copy


def test_copies_below_the_source_are_no_sources(videos, monkeypatch, capsys):
    monkeypatch.chdir(videos.parent)
    for _ in range(2):
        assert resize_videos.main(["src", str(videos / "small"), "--short", "48"]) == 0
    assert "2 of 2 videos done, 2 of them by an earlier run" in capsys.readouterr().out
    assert not (videos / "small/small").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["src", "src"], "the copies need a folder of their own"),
        (["src/deep", "src"], r"src src/deep is out src or lies in it: the copies need a folder of their own"),
        (["src", "out", "--short", "2"], "short is 16 or more"),
        (["src", "out", "--crf", "60"], "crf 0 to 51"),
    ],
)
def test_arguments_out_of_range_are_named(videos, tmp_path, monkeypatch, arguments, message):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match=message):
        resize_videos.main(arguments)
