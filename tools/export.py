"""Export a trained model as an ONNX file or a program of torch.export."""

from mmaction.cli.export import main
from mmaction.utils.cli import run_tool

if __name__ == "__main__":
    run_tool(main)
