"""The commands that README, CONTRIBUTING and docs show."""

import re
import shlex
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
README = ROOT / "README.md"
START_PAGE = ROOT / "docs/start.md"  # run in tests/docs/test_start.py, as are the commands of the README
COPY_PAGE = ROOT / "docs/finegrained.md"  # run in tests/test_workflow.py: the reader edits a file between them
PAGES = [README, ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
SHELLS = ("bash", "shell", "console")
PROGRAM = (
    r"(?:[A-Z_]+=\S+ )*(?:(?:python|mmaction|make|pip|torchrun|mpirun|mim|pre-commit|apt-get|git) |tools/\S+\.sh )"
)


# commands that no test runs: regular expression and reason
NOT_RUN = {
    r"make (install|test|test-all|lint|format|docs|notebooks)": "installs the package, or is a test of its own",
    r"make (poses|openmmlab)": "installs from the network",
    r"make demo": "takes minutes; tests/cli/test_demo_steps.py runs its steps on small data",
    r"(pip|mim|apt-get) .*": "installs from the network",
    r"pre-commit install": "changes the git hooks of the checkout",
    r".* --download": "fetches from the network; tests/datasets/preparation does the rest with local files",
    r"python tools/data/skeleton/download\.py \w+ .*": "fetches gigabytes from the network",
    r"python tools/data/skeleton/extract_poses\.py .*": "takes minutes; tests/cli/test_extract_poses.py has 3 frames",
    r"NNODES=4 .*": "needs 4 machines; tests/engine/test_dist.py has two, in two network namespaces",
    r"GPUS=32 .*": "needs SLURM; tests/engine/test_dist.py starts processes as SLURM does",
    r"tools/dist_train\.sh .*FullySharded.*": "tests/engine/test_sharding.py does it with 2 processes",
    r"python tools/train_streams\.py .*": "trains several networks; tests/cli/test_train_streams.py has tiny ones",
    r"python tools/extract_features\.py .* --folds .*": "trains several networks; tests/cli/test_extract_features.py",
    r"python tools/(train|test)\.py configs/fusion/.*": "needs features; see tests/reports/test_learned_fusion.py",
    r"python tools/analysis/fuse\.py data/features/.*": "needs features; see tests/reports/test_learned_fusion.py",
    r"python tools/sweep\.py .*": "trains many networks; tests/cli/test_sweep.py has tiny ones",
    r"python tools/data/make_demo_data\.py .* --num-clips \d{3,} .*": "takes minutes; tests/cli/test_make_demo_data.py",
    r"(torchrun|mpirun) .*": "needs 8 GPUs or MPI; tests/engine/test_dist.py runs torchrun with 2 processes",
    r"python tools/new_config\.py": "asks questions; tests/cli/test_new_config.py answers them",
    r"python tests/(reliability|fuzz)/.*": "takes minutes to hours; the tests beside the program run a part",
    r"python tools/train\.py \.\.\.": "is no whole command",
    r".* https://huggingface\.co/.*": "fetches weights from the network",
    r".* --cache data/features": "fetches weights from the network; tests/engine/test_token_cache.py does the rest",
    r"mmaction view \S+ --videos \S+": "serves a page until Ctrl-C; tests/reports/test_clip_browser.py asks it",
    r".* --marks .*": "needs marks of a person; tests/preparation/doctor/test_fix.py makes some",
    r"mmaction (export|infer best\.onnx|test CONFIG best\.onnx).*": "tests/apis/test_export.py has tiny networks",
    r"eval .*": "changes the reader's shell; tests/cli/test_console.py reads the script",
    r"mmaction (check|benchmark) --gpu.*": "needs a GPU; tests/gpu/test_gpu_programs.py has dry runs",
    r"mmaction infer .* --camera .*": "needs a camera, or plays in real time; tests/cli/test_watch.py",
    r"mmaction infer best\.pth .* --whole .*": "needs a trained model; tests/apis/test_events_dives.py",
    r"python tools/train\.py \S+(utd-mhad|nucla|pose-guided)\S+ --seed 0": "trains for minutes to hours",
    r"python tools/train\.py \S+(pose-reader|stgcnpp-light|c3d-tiny)\S+ --seed 0": "the same, with attributes",
    r"python tools/analysis/fuse\.py work_dirs/\S+-NAME/.*": "needs such trainings",
    r"python tools/test\.py \S+utd-mhad\S+ work_dirs/\S+/epoch_100\.pth": "needs such a training",
    r"cp configs/skeleton/.*": "the reader edits the copy; tests/configs/test_every_config.py does so",
    r"python tools/\S+ configs/skeleton/\w+/mine\.py.*": "needs the reader's skeletons and that copy",
    r"python tools/new_config\.py \S+ .* --layout .*": "needs a layout; tests/cli/test_new_config.py has one",
    r"mmaction [a-z]+": "is the name of a command",
    r"mmaction train .*": "tests/test_wheel.py does it with the installed command",
}


def blocks(page: Path) -> list[tuple[str, str]]:
    """Return language and content of each fenced block of a page."""
    return re.findall(r"^ *```(\w*)\n(.*?)^ *```$", page.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)


def files(page: Path) -> dict[str, str]:
    """Return name and content of each file of a page: Python blocks whose first line is a comment with the name."""
    named = ((re.match(r"# (\S+\.py)\n", block), block) for language, block in blocks(page) if language == "python")
    return {name[1]: block for name, block in named if name}


def commands(page: Path) -> list[list[str]]:
    """Return the words of each command of a page: the lines of its shell blocks, then those in its text."""
    text = page.read_text(encoding="utf-8")
    lines = [
        part
        for language, block in blocks(page)
        if language in SHELLS
        for line in block.replace("\\\n", " ").splitlines()
        for part in re.split(r"\s(?:&&|\||;)\s", line)
    ]
    text = re.sub(r"^ *```.*?^ *```$", "", text, flags=re.DOTALL | re.MULTILINE)
    lines += re.findall(rf"`({PROGRAM}[^`]+)`", text)
    words = (shlex.split(line.strip().removeprefix("$ "), comments=True) for line in lines)
    return [found for found in words if found]


def program(words: list[str]) -> Path | None:
    """Return the program of this repository that a command runs, if it runs one."""
    for word in words:
        if word.endswith((".py", ".sh")) and (word.startswith(("tools/", "tests/")) or word == "pose_visualizer.py"):
            return ROOT / word
    return None


def reason_not_to_run(words: list[str]) -> str | None:
    """Return why no test runs a command, or None."""
    return next((reason for pattern, reason in NOT_RUN.items() if re.fullmatch(pattern, " ".join(words))), None)
