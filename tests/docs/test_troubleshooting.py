"""The program has the messages that the page on troubleshooting explains."""

import ast
import re

import pytest

FOREIGN = ("libGL.so.1", "No module named", "CUDA out of memory")  # of other programs


def texts(tree: ast.AST) -> str:
    """Return the texts of a module; what is formatted into them becomes one character."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            found.append("".join(part.value if isinstance(part, ast.Constant) else "\0" for part in node.values))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            found.append(node.value)
    return "\n".join(found)


@pytest.fixture(scope="module")
def said(root) -> str:
    return "\n".join(texts(ast.parse(path.read_text(encoding="utf-8"))) for path in (root / "mmaction").rglob("*.py"))


def missing(page: str, said: str) -> list[str]:
    """Return the parts of messages that no text of the program has."""
    rows = re.findall(r"^\| `([^`]+)`", page, re.MULTILINE)
    own = [row for row in rows if not row.startswith(FOREIGN)]
    assert len(own) > 30
    return [part for row in own for part in map(str.strip, row.split("...")) if len(part) > 3 and part not in said]


def test_every_message_is_one_of_the_program(root, said):
    page = (root / "docs/troubleshooting.md").read_text(encoding="utf-8")
    assert not missing(page, said)
    assert missing(page.replace("is a checkpoint of another", "was a checkpoint of some other"), said)
