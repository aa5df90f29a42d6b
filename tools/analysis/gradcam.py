"""Show where in a clip a model sees the evidence for a class (Grad-CAM), as contact sheets or videos."""

from mmaction.cli.gradcam import main
from mmaction.utils.cli import run_tool

if __name__ == "__main__":
    run_tool(main)
