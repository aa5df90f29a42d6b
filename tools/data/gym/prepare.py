"""Prepare FineGym (Gym99 and Gym288): cut the clips frame by frame, check them, write the lists for training."""

from mmaction.cli.prepare_gym import main
from mmaction.utils.cli import run_tool

if __name__ == "__main__":
    run_tool(main)
