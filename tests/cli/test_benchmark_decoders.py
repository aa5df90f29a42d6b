import numpy as np
import pytest

from mmaction.cli import benchmark_decoders
from mmaction.io.video import READERS


@pytest.fixture(scope="module")
def clip(demo_data):
    return sorted((demo_data / "videos").glob("*.mp4"))[0]


def rows_of(text):
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line.startswith("|")]
    return [row for row in rows if not row[0].startswith("---")]


def test_tables_of_speed_exactness_and_faults(clip, tmp_path, capsys):
    broken = [tmp_path / "noise.mp4", tmp_path / "cut.mp4"]
    broken[0].write_bytes(bytes(range(256)))
    broken[1].write_bytes(clip.read_bytes()[: clip.stat().st_size // 2])
    assert benchmark_decoders.main([str(clip), "--rounds", "2", "--broken", *map(str, broken)]) == 0
    rows = rows_of(capsys.readouterr().out)
    speeds = [row for row in rows if len(row) == 5]
    assert {row[0] for row in speeds[1:]} >= {"DecordInit", "pyav", "decord", "opencv"}
    for row in speeds[1:]:
        for cell in row[3:]:
            right, total = cell.split(" / ")
            assert right == total != "0"
        assert float(row[1]) > 0 and float(row[2]) > 0
    faults = [row for row in rows if len(row) == 3][1:]
    assert {row[0] for row in faults} == {"noise.mp4", "cut.mp4"}
    assert all("VideoError: " in row[2] for row in faults if row[0] == "noise.mp4")


def test_a_decoder_that_gives_wrong_frames_is_found_out(clip, monkeypatch):
    class Late(READERS["pyav"]):
        def decode(self, indices):
            frames = [frame for _, frame in super().decode(range(self.num_frames))]
            yield from ((index, frames[max(index - 1, 0)]) for index in indices)

    monkeypatch.setattr(benchmark_decoders, "decoders", lambda: {"late": Late})
    [[name, _, _, in_order, scattered]] = benchmark_decoders.measure_video(str(clip), 2)
    assert name == "late"
    for cell in (in_order, scattered):
        right, total = map(int, cell.split(" / "))
        assert right < total / 2


def test_memory_is_measured_per_decoder(clip):
    [[name, growth]] = benchmark_decoders.measure_memory(str(clip), 3, ["pyav"])
    assert name == "pyav" and abs(float(growth.removesuffix(" MB"))) < 100


def test_hard_streams_hold_the_frames_of_the_video(clip, tmp_path):
    paths = benchmark_decoders.encode_streams(clip, tmp_path)
    assert [path.name for path in paths] == list(benchmark_decoders.STREAMS)
    frames, speed = benchmark_decoders.read_all(READERS["pyav"], str(paths[0]), [0, 5])
    assert speed > 0 and len(frames) == 2
    reference, _ = benchmark_decoders.read_all(READERS["pyav"], str(clip), [0, 5])
    assert np.abs(frames[1].astype(int) - reference[1]).mean() < 12
