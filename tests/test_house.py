"""The plan of the house in docs/architecture.md holds: imports go up the table of rooms, at the top of files."""

import ast
import re

import pytest

LAZY_ROOMS = {"cli"}  # imports what a command needs after its arguments are parsed


def rooms(page: str) -> list[str]:
    """Read the names of the rooms, in order, from the table in the page on architecture."""
    table = page.split("## The rooms", 1)[1].split("\n## ", 1)[0]
    return [
        name.removesuffix(".py").removesuffix("/") for name in re.findall(r"^\| `([\w./]+)` \|", table, re.MULTILINE)
    ]


def imported(node: ast.AST) -> list[str]:
    """Return the rooms of the package that a statement imports from."""
    if isinstance(node, ast.ImportFrom):
        if node.level:
            return ["."]  # relative: not the style of the house
        names = [node.module] if node.module != "mmaction" else [f"mmaction.{alias.name}" for alias in node.names]
    elif isinstance(node, ast.Import):
        names = [alias.name for alias in node.names]
    else:
        return []
    return [name.split(".")[1] for name in names if name.startswith("mmaction.")]


def violations(source: str, room: str, order: list[str]) -> list[tuple[int, str]]:
    """Return line and reason of each import in ``source`` that the plan forbids."""
    tree = ast.parse(source)
    allowed = set(map(id, tree.body))
    for node in ast.walk(tree):
        if room in LAZY_ROOMS or (isinstance(node, ast.FunctionDef) and node.name == "__getattr__"):
            allowed.update(map(id, ast.walk(node)))
    found = []
    for node in ast.walk(tree):
        for target in imported(node):
            if target == ".":
                found.append((node.lineno, "a relative import"))
            elif target not in order:
                found.append((node.lineno, f"{target} is no room of the table"))
            elif order.index(target) > order.index(room):
                found.append((node.lineno, f"{room} imports from {target}, which stands below it"))
            elif id(node) not in allowed:
                found.append((node.lineno, f"a lazy import of {target}"))
    return found


def test_imports_follow_the_plan(root):
    order = rooms((root / "docs/architecture.md").read_text(encoding="utf-8"))
    package = root / "mmaction"
    present = {path.stem for path in package.iterdir() if path.suffix == ".py" or (path / "__init__.py").is_file()}
    assert present - {"__init__"} == set(order)
    wrong = []
    for path in sorted(package.rglob("*.py")):
        room = path.relative_to(package).parts[0].removesuffix(".py")
        if room != "__init__":
            found = violations(path.read_text(encoding="utf-8"), room, order)
            wrong += [f"{path.relative_to(root)}:{line}: {reason}" for line, reason in found]
    assert not wrong, "\n".join(wrong)


def test_tools_only_call_their_command(root):
    for path in [*(root / "tools").rglob("*.py"), root / "pose_visualizer.py"]:
        code = [line for line in path.read_text(encoding="utf-8").splitlines() if line and not line.startswith('"""')]
        assert len(code) <= 5, f"{path.relative_to(root)}: {len(code)} lines; the work belongs into mmaction/cli"


ORDER = ["utils", "models", "cli"]


@pytest.mark.parametrize(
    ("room", "source", "reason"),
    [
        ("utils", "from mmaction.models import x", "below"),
        ("utils", "def f():\n    import mmaction.models.x", "below"),
        ("models", "def f():\n    from mmaction import utils", "lazy"),
        ("models", "from . import x", "relative"),
        ("models", "from mmaction.attic import x", "no room"),
        ("models", "from mmaction.utils import x", None),
        ("models", "def __getattr__(name):\n    from mmaction.utils import x", None),
        ("cli", "def main():\n    from mmaction.models import x", None),
    ],
)
def test_the_rule_finds_what_it_forbids(room, source, reason):
    found = violations(source, room, ORDER)
    assert bool(found) == (reason is not None)
    assert reason is None or reason in found[0][1]
