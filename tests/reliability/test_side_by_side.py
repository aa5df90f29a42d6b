"""The program that compares two installations runs, here with this one twice."""

import re
import subprocess
import sys

import pytest


@pytest.mark.slow
def test_a_table_of_two_sides(root):
    program = [sys.executable, str(root / "tests/reliability/side_by_side.py"), str(root), str(root)]
    options = ["--configs", str(root / "configs"), "--video", "none.mp4", "--only", "joints, testing"]
    done = subprocess.run([*program, *options], capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, done.stderr[-2000:]
    *_, row = done.stdout.splitlines()
    name, *sides = (cell.strip() for cell in row.strip("|").split("|"))
    assert name == "PoseC3D sample, joints, testing (15)" and len(sides) == 2
    for side in sides:
        least, middle = map(float, re.findall(r"[\d.e+]+", side))
        assert 0 < least <= middle
