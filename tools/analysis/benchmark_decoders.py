"""Compare the video decoders: speed, exactness, memory, behavior on broken files. Prints Markdown tables."""

from mmaction.cli.benchmark_decoders import main
from mmaction.utils.cli import run_tool

if __name__ == "__main__":
    run_tool(main)
