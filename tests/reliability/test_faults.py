"""A part of the fault script; all of it is run by hand, see docs/faults.md."""

import os
import re
import subprocess
import sys

import pytest


@pytest.mark.slow
@pytest.mark.integration
def test_faults_end_as_they_should(root, tmp_path):
    chosen = r"checkpoint (2 half|3 before|1 after)|SIGTERM|bit of the newest|removed|peer|full|pickle|weights"
    call = [sys.executable, root / "tests/reliability/faults.py", "--kills", "0", "--only", chosen, "--keep", tmp_path]
    env = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(call, env=env, cwd=tmp_path, capture_output=True, text=True, timeout=3600)
    assert done.returncode == 0, done.stdout + done.stderr[-2000:]
    assert done.stdout.count("\nok ") + done.stdout.startswith("ok ") == 23


def test_the_documented_table_holds_every_fault(root):
    text = (root / "docs/faults.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (\w+) \| (.+?) \| (.+) \|$", text, re.MULTILINE)
    outcomes = [row for row in rows if row[0] not in ("what", "---")]
    assert len(outcomes) >= 60 and not [row for row in outcomes if "FAILED" in row[2]]
