"""Where a video is damaged or cut off is noticed, and whole ones are read to their end."""

import av
import numpy as np
import pytest

from mmaction.io.video.container import VideoError, whole_packets

FRAMES = 40


def write_with_sound(path):
    """Frames and sound take turns; the header of an MP4 stands at its start."""
    noise = np.random.default_rng(0)
    options = {"movflags": "+faststart"} if path.suffix == ".mp4" else {}
    with av.open(str(path), "w", options=options) as out:
        video = out.add_stream("libx264" if path.suffix == ".mp4" else "mpeg4", rate=25)
        video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
        sound = out.add_stream("pcm_s16le" if path.suffix == ".avi" else "aac", rate=48000)
        for t in range(FRAMES):
            image = noise.integers(0, 255, (48, 64, 3), np.uint8)
            out.mux(video.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
            samples = noise.integers(-9999, 9999, (1, 2 * 1920), np.int16)
            tone = av.AudioFrame.from_ndarray(samples, format="s16", layout="stereo")
            tone.sample_rate, tone.pts = 48000, 1920 * t
            out.mux(sound.encode(tone))
        out.mux(video.encode())
        out.mux(sound.encode())


def count_frames(path):
    """The frames that decode, and what was found wrong."""
    frames = 0
    with av.open(str(path)) as container:
        try:
            for packet in whole_packets(container, container.streams.video[0]):
                frames += len(packet.decode())
        except VideoError as error:
            return frames, str(error)
    return frames, ""


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".avi", ".mkv"])
def test_a_whole_video_is_read(tmp_path, suffix):
    write_with_sound(tmp_path / f"whole{suffix}")
    assert count_frames(tmp_path / f"whole{suffix}") == (FRAMES, "")


@pytest.mark.parametrize("name", ["diving_sample.gif", "ntu_sample.avi", "ta_chi.mp4", "test.avi", "video_90.mov"])
def test_a_whole_recording_is_read(shared, name):
    assert count_frames(shared / "data/video" / name)[1] == ""


@pytest.mark.parametrize("suffix", [".mp4", ".avi", ".mkv"])
def test_wherever_a_video_is_cut_off_is_noticed(tmp_path, suffix):
    """Within a frame, within the sound between two frames, or between them."""
    write_with_sound(tmp_path / f"whole{suffix}")
    content, path, reasons = (tmp_path / f"whole{suffix}").read_bytes(), tmp_path / f"cut{suffix}", set()
    for share in np.linspace(0.3, 0.9, 60):
        path.write_bytes(content[: int(len(content) * share)])
        frames, problem = count_frames(path)
        assert 5 < frames < FRAMES and problem.startswith(f"{path}: "), (share, frames, problem)
        reasons.add(problem.split()[1])
    assert reasons == ({"cut"} if suffix == ".mkv" else {"damaged", "cut"})


def test_a_header_that_states_too_many_frames_is_no_damage(tmp_path):
    """Dropped frames and edit lists give whole videos such headers."""
    write_with_sound(tmp_path / "a.avi")
    content = bytearray((tmp_path / "a.avi").read_bytes())
    length = content.index(b"strh") + 8 + 32
    assert int.from_bytes(content[length : length + 4], "little") == FRAMES
    content[length : length + 4] = (FRAMES + 5).to_bytes(4, "little")
    (tmp_path / "a.avi").write_bytes(content)
    with av.open(str(tmp_path / "a.avi")) as container:
        assert container.streams.video[0].frames == FRAMES + 5
    assert count_frames(tmp_path / "a.avi") == (FRAMES, "")
