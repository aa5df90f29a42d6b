"""What README, model zoo and citation file say fits what is there."""

import re

import pytest
import yaml
from page_commands import README, ROOT, commands

from mmaction.version import __version__

# Configs of MMAction2 1.x without weights in its model index.
UNPUBLISHED = {"slowonly_r50_8xb16-16x4x1-256e_kinetics400-flow"}
UNPUBLISHED |= {
    f"ctrgcn_8xb16-{stream}-u100-80e_ntu60-xsub-keypoint-{space}"
    for stream in ("joint", "bone", "joint-motion", "bone-motion")
    for space in ("2d", "3d")
}
# words of the README, and of the title of the paper that is to be cited
PAPERS = {
    "PoseC3D": "Revisiting Skeleton-based",
    "C3D-light": "Learning Spatiotemporal Features",
    "X3D-shallow": "X3D",
    "SlowFast": "SlowFast",
    "I3D": "Quo Vadis",
    "non-local": "Non-local",
    "TSM": "Temporal Shift Module",
    "TSN": "Temporal Segment Networks",
    "R(2+1)D": "Spatiotemporal Convolutions",
    "RGBPose": "Revisiting Skeleton-based",
    "PYSKL": "PYSKL",
    "Gym99": "FineGym",
    "Diving48": "RESOUND",
    "UTD-MHAD": "UTD-MHAD",
    "NTU60": "NTU RGB+D",
    "HMDB51": "HMDB",
    "UCF101": "UCF101",
    "ST-GCN": "Spatial Temporal Graph Convolutional Networks",
    "2s-AGCN": "Two-Stream Adaptive Graph",
    "CTR-GCN": "Channel-wise Topology",
    "NTU120": "NTU RGB+D 120",
    "Northwestern-UCLA": "Cross-view Action Modeling",
    "Kinetics-400": "The Kinetics Human Action",
}


def test_the_model_zoo_has_every_config_of_which_weights_are_published():
    text = (ROOT / "docs/model_zoo.md").read_text(encoding="utf-8")
    row = r"\| \[(\S+)\]\(\.\./(configs/\S+)/\1\.py\) \|.*\[([0-9a-f]{8})\]\(https://download\.openmmlab\.com/\S+-\3\.pth\)"
    listed = [name for name, _, _ in re.findall(row, text)]
    form = r"_(8|32)xb\d|videomae-k400-pre|p244_32x3x1"
    published = {path.stem for path in (ROOT / "configs").rglob("*.py") if re.search(form, path.name)}
    assert sorted(listed) == sorted(published - UNPUBLISHED)


@pytest.mark.parametrize("word", PAPERS)
def test_the_papers_of_models_and_data_sets_are_cited(word):
    titles = [entry["title"] for entry in yaml.safe_load((ROOT / "CITATION.cff").read_text())["references"]]
    assert word in README.read_text(encoding="utf-8")
    assert any(PAPERS[word] in title for title in titles)


def test_every_data_set_and_family_of_the_table_has_its_paper():
    table = re.search(r"(?s)## Models\n\n(.*?)\n\n", README.read_text(encoding="utf-8"))[1].splitlines()[2:]
    columns = [[cell.strip() for cell in row.split("|")] for row in table]
    sets = {name.strip() for row in columns for name in row[3].split(",")} - {"demo", "the networks alone"}
    known = {**PAPERS, "K400": "", "Gym288": ""}  # of the same papers as Kinetics-400 and Gym99
    assert sets <= known.keys()
    assert all(any(word in row[1] for word in (*PAPERS, "SlowOnly")) for row in columns)


def test_the_citation_names_the_version():
    assert yaml.safe_load((ROOT / "CITATION.cff").read_text())["version"] == __version__


def test_pre_commit_is_installed_before_it_is_used():
    shown = [" ".join(words) for words in commands(ROOT / "CONTRIBUTING.md")]
    assert shown.index("pip install pre-commit") < shown.index("pre-commit install")
