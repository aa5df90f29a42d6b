"""The command ``mmaction view``: the pose viewer with the config.ini of the current folder, where there is one."""

from pathlib import Path

from mmaction.pose_viewer.command import main as view

SETTINGS = Path("config.ini")


def main(argv: list[str]) -> int:
    """Draw the skeletons; return the exit code of the viewer."""
    return view(SETTINGS, argv if SETTINGS.is_file() else ["--no-config", *argv])
