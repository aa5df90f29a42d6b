"""Nothing that a user feeds in runs as a program: a rule over the syntax trees of what is shipped, and its own tests.

The rule follows import aliases, and takes a mention of a forbidden function for its use. What it allows is listed in
``EXCEPTIONS`` and must stay as many.
"""

import ast
import re
import textwrap
from collections import Counter
from pathlib import Path

import pytest

# the names of what builds objects or runs programs from data, wherever they are imported from
FORBIDDEN = {
    *("pickle.load", "pickle.loads", "pickle.Unpickler", "pickle._Unpickler", "pickle._load", "pickle._loads"),
    *("_pickle.load", "_pickle.loads", "_pickle.Unpickler", "pandas.read_pickle", "pickletools.optimize"),
    *("eval", "exec", "builtins.eval", "builtins.exec", "runpy.run_path", "runpy.run_module"),
    *("os.system", "os.popen", "subprocess.getoutput", "subprocess.getstatusoutput", "pty.spawn"),
    *("asyncio.create_subprocess_shell", "shutil.unpack_archive", "torch.hub.load", "torch.jit.load", "code.interact"),
    *("torch.hub.load_state_dict_from_url", "torch.package.PackageImporter", "torch.utils.model_zoo.load_url"),
    *("mmengine.load", "mmengine.fileio.load", "mmengine.fileio.io.load", "mmengine.fileio.list_from_file"),
    *("mmengine.runner.load_checkpoint", "mmengine.runner.CheckpointLoader", "mmengine.runner.checkpoint"),
    *("torch.serialization.load", "ForkingPickler.loads", "fileio.PickleHandler", "handlers.PickleHandler"),
    *("numpy.lib.format.read_array", "numpy.lib.npyio.NpzFile", "os.execvp", "os.spawnvp", "os.posix_spawnp"),
    *("numpy.lib.format.open_memmap", "numpy.lib.npyio.load", "xml.etree.ElementTree", "xml.dom", "xml.sax"),
}
MODULES = {"shelve", "marshal", "dill", "cloudpickle", "joblib", "jsonpickle", "imp", "dbm", "cPickle"}
METHODS = {"extractall", "read_pickle", "unpack_archive"}  # on any object
SAFE_YAML = {"yaml.safe_load", "yaml.safe_load_all", "yaml.safe_dump", "yaml.dump", "yaml.YAMLError", "yaml.SafeLoader"}
ROOTS = ("mmaction", "tools", "configs", "pose_visualizer.py", "setup.py")

# file, what it uses: how often
EXCEPTIONS = {
    ("mmaction/io/checkpoints.py", "torch.load without weights_only=True"): 1,  # with --trust-checkpoint alone
    ("mmaction/io/pickles.py", "pickle.Unpickler"): 1,  # the restricted unpickler's base
}


class Rule(ast.NodeVisitor):
    """Collects the forbidden uses in one file.

    Args:
        source: Its text; the templates ``{{_base_.NAME}}`` of configs are taken for values.
    """

    def __init__(self, source: str) -> None:
        self.names: dict[str, str] = {name: name for name in ("eval", "exec", "getattr", "__import__")}
        self.found: list[tuple[int, str]] = []
        self.called: set[int] = set()
        tree = ast.parse(re.sub(r"\{\{\s*_base_[\w.]*\s*\}\}", '"_"', source))
        for node in ast.walk(tree):  # imports anywhere count everywhere
            if isinstance(node, (ast.Import, ast.ImportFrom)):
                self.take_import(node)
            elif isinstance(node, ast.Assign) and (name := self.resolve(node.value)):
                self.names.update({target.id: name for target in node.targets if isinstance(target, ast.Name)})
        self.visit(tree)

    def take_import(self, node: ast.Import | ast.ImportFrom) -> None:
        """Note what each name means; a star, or a forbidden module, is a use in itself."""
        for alias in node.names:
            if isinstance(node, ast.Import):
                self.names[alias.asname or alias.name.partition(".")[0]] = (
                    alias.name if alias.asname else alias.name.partition(".")[0]
                )
                name = alias.name
            else:
                name = f"{'.' * node.level}{node.module or ''}.{alias.name}"
                self.names[alias.asname or alias.name] = name
            module = name.strip(".").partition(".")[0]
            if module in MODULES:
                self.found.append((node.lineno, module))
            if alias.name == "*" and not node.level and module != "mmaction":  # whose files are all looked through
                self.found.append((node.lineno, f"import * from {node.module}"))
            self.check(node, name)

    def resolve(self, node: ast.AST) -> str | None:
        """Return the dotted name that an expression stands for, None where it is no name that was imported."""
        if isinstance(node, ast.Name):
            return self.names.get(node.id)
        if isinstance(node, ast.Attribute):
            base = self.resolve(node.value)
            return base and f"{base}.{node.attr}"
        if isinstance(node, ast.Call) and node.args:
            called, texts = self.resolve(node.func), [getattr(part, "value", None) for part in node.args]
            if called == "getattr" and isinstance(texts[1], str):
                base = self.resolve(node.args[0])
                return base and f"{base}.{texts[1]}"
            if called in ("__import__", "importlib.import_module") and isinstance(texts[0], str):
                return texts[0]
        return None

    def check(self, node: ast.AST, name: str) -> None:
        """Note a name that is forbidden, whatever package passes it on."""
        for forbidden in FORBIDDEN:
            if name == forbidden or ("." in forbidden and name.endswith(f".{forbidden}")):
                self.found.append((node.lineno, forbidden))
        if re.fullmatch(r"(.*\.)?yaml\.\w*(load|Loader)\w*", name) and name.removeprefix(".") not in SAFE_YAML:
            self.found.append((node.lineno, "yaml"))

    def visit_Call(self, node: ast.Call) -> None:
        """Check the arguments of what is safe with the right ones alone."""
        name = self.resolve(node.func) or ""
        given = {keyword.arg: getattr(keyword.value, "value", None) for keyword in node.keywords}
        if name == "torch.load" and given.get("weights_only") is not True:
            self.found.append((node.lineno, "torch.load without weights_only=True"))
        if name == "numpy.load" and (
            given.get("allow_pickle", False) is not False or len(node.args) > 2 or None in given
        ):
            self.found.append((node.lineno, "numpy.load with allow_pickle"))
        if given.get("shell", False) is not False or (name.startswith("subprocess.") and None in given):
            self.found.append((node.lineno, "a shell"))
        self.called.add(id(node.func))
        self.name(node)
        self.generic_visit(node)

    def name(self, node: ast.AST) -> None:
        """Check a name or what ``getattr`` gives."""
        name = self.resolve(node)
        if name:
            self.check(node, name)
            if name in ("torch.load", "numpy.load") and id(node) not in self.called:
                self.found.append((node.lineno, f"{name} passed on"))

    def visit_Name(self, node: ast.Name) -> None:
        """Check a plain name."""
        self.name(node)

    def visit_Attribute(self, node: ast.Attribute) -> None:
        """Check a dotted name, and methods by their names."""
        self.name(node)
        if node.attr in METHODS:
            self.found.append((node.lineno, node.attr))
        self.generic_visit(node)


def shipped(root: Path) -> list[Path]:
    """Return every Python file that users run."""
    paths = [
        path for name in ROOTS for path in ((root / name).rglob("*.py") if (root / name).is_dir() else [root / name])
    ]
    assert len(paths) > 200 and all(path.is_file() for path in paths)
    return paths


def test_no_shipped_file_runs_what_it_reads(root):
    uses, places = Counter(), []
    for path in shipped(root):
        for line, what in Rule(path.read_text(encoding="utf-8")).found:
            uses[path.relative_to(root).as_posix(), what] += 1
            places.append(f"{path.relative_to(root)}:{line}: {what}")
    assert uses == EXCEPTIONS, "\n".join(places)


def test_the_exception_is_behind_the_word_of_the_user(root):
    tree = ast.parse((root / "mmaction/io/checkpoints.py").read_text(encoding="utf-8"))
    guarded = [
        node for node in ast.walk(tree) if isinstance(node, ast.If) and "trust" in ast.unparse(node.test).split()
    ]
    calls = [call for node in guarded for part in node.body for call in ast.walk(part) if isinstance(call, ast.Call)]
    assert [ast.unparse(call) for call in calls if ast.unparse(call.func) == "torch.load"] == [
        "torch.load(path, map_location=map_location, weights_only=False)"
    ]
    assert "trust: bool = False" in (root / "mmaction/io/checkpoints.py").read_text(encoding="utf-8")


PLANTED = """
import pickle; pickle.load(f)                            | pickle.load
import pickle as p; p.loads(b)                           | pickle.loads
from pickle import loads as read; read(b)                | pickle.loads
from pickle import Unpickler; class_ = Unpickler(f)      | pickle.Unpickler
import pickle; getattr(pickle, "loads")(b)               | pickle.loads
import pickle; getattr(pickle, "loads", None)(b)         | pickle.loads
import pickle; read = pickle.loads; [*map(read, bs)]     | pickle.loads
from mmaction.io.pickles import pickle; pickle.loads(b)     | pickle.loads
import _pickle; _pickle.loads(b)                         | _pickle.loads
from pickle import *                                     | import * from pickle
import torch; torch.load(p)                              | torch.load without weights_only=True
import torch as t; t.load(p, weights_only=False)         | torch.load without weights_only=True
from torch import load; load(p, weights_only=w)          | torch.load without weights_only=True
import torch; torch.load(p, **options)                   | torch.load without weights_only=True
import torch; partial(torch.load, p)                     | torch.load passed on
import torch.hub; torch.hub.load("a/b", "c")             | torch.hub.load
import numpy as np; np.load(p, allow_pickle=True)        | numpy.load with allow_pickle
from numpy import load; load(p, None, True)              | numpy.load with allow_pickle
import numpy as np; np.load(p, **options)                | numpy.load with allow_pickle
eval(text)                                               | eval
exec(text)                                               | exec
run = eval; run(text)                                    | eval
import builtins; builtins.exec(text)                     | builtins.exec
import yaml; yaml.load(f, Loader=yaml.Loader)            | yaml
from yaml import unsafe_load; unsafe_load(f)             | yaml
import yaml; yaml.full_load(f)                           | yaml
import joblib; joblib.load(p)                            | joblib
from joblib import load                                  | joblib
import mmengine; mmengine.load(p)                        | mmengine.load
from mmengine.fileio import load; load(p)                | mmengine.fileio.load
from mmengine import fileio; fileio.load(p)              | mmengine.fileio.load
from mmengine.runner import load_checkpoint              | mmengine.runner.load_checkpoint
import shelve                                            | shelve
import marshal; marshal.loads(b)                         | marshal
import tarfile; tarfile.open(p).extractall(d)            | extractall
from zipfile import ZipFile; ZipFile(p).extractall()     | extractall
import shutil; shutil.unpack_archive(p)                  | shutil.unpack_archive
import subprocess; subprocess.run(c, shell=True)         | a shell
from subprocess import Popen as P; P(c, shell=flag)      | a shell
import subprocess; subprocess.run(c, **options)          | a shell
import os; os.system(c)                                  | os.system
from os import system as s; s(c)                         | os.system
import os as o; o.popen(c)                               | os.popen
from torch.serialization import load; load(p)            | torch.serialization.load
import torch; torch.serialization.load(p)                | torch.serialization.load
import importlib; importlib.import_module("pickle").loads(b) | pickle.loads
__import__("pickle").loads(b)                            | pickle.loads
from mmengine.fileio.handlers import PickleHandler       | handlers.PickleHandler
import numpy as np; np.lib.format.read_array(f)          | numpy.lib.format.read_array
from multiprocessing.reduction import ForkingPickler as F; F.loads(b) | ForkingPickler.loads
import os; os.execvp("sh", words)                        | os.execvp
def f():\\n    import pickle\\n    return pickle.load(f)   | pickle.load
""".strip().splitlines()


@pytest.mark.parametrize("line", PLANTED)
def test_what_is_planted_is_found(line):
    code, _, what = line.rpartition("|")
    assert what.strip() in [found for _, found in Rule(code.strip().replace("\\n", "\n")).found]


def test_what_is_harmless_is_left_alone():
    code = """
        import os, pickle, subprocess, tarfile, yaml, numpy as np, torch
        from mmaction.io.pickles import load_pickle
        model.eval(); re.compile("x"); cursor.exec(); self.load(path); json.loads(text); compile(text, "a", "exec")
        torch.load(path, map_location="cpu", weights_only=True); np.load(path); np.load(path, allow_pickle=False)
        pickle.dumps(value); pickle.UnpicklingError; yaml.safe_load(file); subprocess.run(["a"], shell=False)
        os.path.join("a"); load_pickle(path); tarfile.open(path); pipeline = {{_base_.train_pipeline}}
    """
    assert Rule(textwrap.dedent(code)).found == []
