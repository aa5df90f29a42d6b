"""What the command-line tools share: one clear message for a mistake, exit codes, common arguments.

Exit codes: 0 done, 2 the user's input is wrong (the message says what and how to put it right), 130 stopped by Ctrl-C,
1 anything else. ``MMACTION_DEBUG=1`` shows the full traceback of every error.
"""

import argparse
import ast
import codecs
import locale
import os
import re
import sys
import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from mmengine.config import DictAction

from mmaction import registry as registries

USER_ERRORS = (ValueError, TypeError, KeyError, OSError, ImportError, NotImplementedError)
DEBUG_VARIABLE = "MMACTION_DEBUG"
_UNKNOWN_NAME = re.compile(r"(?P<name>\S+) is not in the (?P<scope>[\w.]+)::(?P<registry>[\w ]+?) registry")


class ToolStop(RuntimeError):  # noqa: N818 - it ends a run on purpose, with a message and exit code 1
    """A run that cannot or must not go on, through no mistake in what the user typed."""


def worker_advice(message: str) -> str:
    """Return what to do after PyTorch's ``message`` that a data worker is gone."""
    if "by signal: Terminated" in message:
        return "a data worker got SIGTERM, which batch systems send before they end a job; go on with --resume"
    return (
        "a data worker was killed from outside, most often because the memory is full: lower num_workers, or make "
        "/dev/shm larger; then go on with --resume"
    )


def close_matches(name: str, known: Iterable[str], count: int = 5) -> list[str]:
    """Return the entries of ``known`` close to ``name``, the closest first; capital letters do not count."""
    by_lower = {str(entry).lower(): str(entry) for entry in known}
    return [by_lower[match] for match in get_close_matches(str(name).lower(), by_lower, n=count)]


def suggest(name: str, known: Iterable[str], count: int = 5) -> str:
    """Return ``"; did you mean A or B?"`` for the entries of ``known`` close to ``name``, or an empty string."""
    matches = close_matches(name, known, count)
    return f"; did you mean {' or '.join(matches)}?" if matches else ""


def suggest_file(path: Path, pattern: str = "*") -> str:
    """Return what to say after ``there is no file PATH``: which files of a ``pattern`` beside it have a close name.

    Where its folder is not there either, it says so.
    """
    if not path.parent.is_dir():
        return f"; the folder {path.parent} does not exist either"
    return suggest(path.name, (near.name for near in path.parent.glob(pattern)))


@contextmanager
def needs(advice: str) -> Iterator[None]:
    """Say what to install, the ``advice``, where an import in the block fails."""
    try:
        yield
    except ImportError as error:
        raise ImportError(f"{advice} ({error})") from error


def describe_error(error: BaseException) -> str:
    """Return the text of ``error`` for the user, with close matches where a registry does not know a name."""
    # str(KeyError) is the repr of its argument: quotes around the sentence and escaped line ends
    text = str(error.args[0]) if isinstance(error, KeyError) and error.args else str(error)
    if "\nOriginal Traceback" in text:  # from a data worker: the last line that is no part of the traceback on
        lines = text.strip().splitlines()
        last = max(number for number, line in enumerate(lines) if line.startswith("  "))
        text = "\n".join(lines[last + 1 :]) or text
    unknown = _UNKNOWN_NAME.search(text)
    if unknown is None:
        return text or type(error).__name__
    name = unknown["name"].strip("'\"`")
    hint = suggest(name, _registered_names(unknown["registry"]))
    hint = hint or "; check the spelling of type=...; docs/migration.md says what older names are called"
    return f"{unknown['registry']} {name!r} is not registered{hint}"


def _registered_names(registry_name: str) -> set[str]:
    """Return the names that a config may use as ``type`` for the registry called ``registry_name``."""
    from mmengine.registry import Registry

    names: set[str] = set()
    for registry in vars(registries).values():
        if isinstance(registry, Registry) and registry.name == registry_name:
            while registry is not None:
                names |= set(registry.module_dict)
                registry = registry.parent
    return names


def program(name: str) -> str:
    """Return how the user calls the program ``name``: by the command mmaction, or by its file in ``tools``."""
    return f"mmaction {name}" if sys.argv[0].startswith("mmaction ") else f"python tools/{name}.py"


class OptimizersWithoutTransformers:
    """An import hook for programs: MMEngine, which loads transformers at each start for one optimizer, goes without it.

    That takes 5 s and 200 MB. :func:`mmaction.engine.optim.adafactor` is the optimizer.
    """

    @staticmethod
    def find_spec(name: str, path: Any = None, target: Any = None) -> None:
        """Raise the ImportError that MMEngine catches."""
        builder = sys.modules.get("mmengine.optim.optimizer.builder")
        if name == "transformers" and builder and not hasattr(builder, "TRANSFORMERS_OPTIMIZERS"):
            raise ImportError("MMEngine needs no transformers")


def start_without_transformers() -> None:
    """Let what this process imports from now on do without transformers for the sake of MMEngine's optimizers."""
    if OptimizersWithoutTransformers not in sys.meta_path:
        sys.meta_path.insert(0, OptimizersWithoutTransformers)


def run_tool(main: Callable[[], int | None]) -> None:
    """Run ``main``, which reads ``sys.argv``, as a program and end the process with its exit code; None is 0."""
    _use_utf8()
    start_without_transformers()
    # OpenMP, which reads this as PyTorch is imported: a thread that waits for the others leaves its core to other work.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    try:
        code = main()
    except KeyboardInterrupt:
        print("\nstopped by the user", file=sys.stderr)
        sys.exit(130)
    except BrokenPipeError:  # the reader of our output, such as `head`, has gone
        sys.stdout = None
        sys.exit(0)
    except ToolStop as stop:
        print(f"stopped: {stop}", file=sys.stderr)
        sys.exit(1)
    except RuntimeError as error:
        if "DataLoader worker" not in str(error):
            raise
        # PyTorch's signal handler raises this anywhere, in the handling of the first error too
        print(f"stopped: {str(error).splitlines()[0]}\n  {worker_advice(str(error))}", file=sys.stderr)
        sys.exit(1)
    except (*USER_ERRORS, AssertionError) as error:
        place = _place_in_mmengine(error)
        if isinstance(error, AssertionError) and not place:  # a fault of ours
            raise
        if os.environ.get(DEBUG_VARIABLE):
            traceback.print_exc()
        else:
            print(f"error: {describe_error(error)}", file=sys.stderr)
            print(f"({type(error).__name__}{place}; the full traceback: {DEBUG_VARIABLE}=1)", file=sys.stderr)
        sys.exit(2)
    sys.exit(code or 0)


def _place_in_mmengine(error: BaseException) -> str:
    """Return `` at FILE:LINE`` where MMEngine itself has raised ``error``, which then names no entry of the config."""
    *_, (frame, line) = traceback.walk_tb(error.__traceback__)
    is_inside = frame.f_globals.get("__name__", "").partition(".")[0] == "mmengine"
    return f" at {frame.f_code.co_filename}:{line}" if is_inside else ""


def _use_utf8() -> None:
    """Start the program again in Python's UTF-8 mode where the locale has another encoding.

    Our files are UTF-8 everywhere. MMEngine opens some in the encoding of the locale, and would fail at the first
    checkpoint if the work directory's name has an umlaut and the locale is plain C.
    """
    encoding = codecs.lookup(locale.getpreferredencoding(False)).name
    if encoding != "utf-8" and os.name == "posix" and os.environ.get("PYTHONUTF8") != "1":
        os.environ["PYTHONUTF8"] = "1"
        os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])  # noqa: S606 - ourselves, no shell


class ConfigOptions(DictAction):
    """``--cfg-options KEY=VALUE ...`` into a dict; a word without ``=`` is a usage error that shows the form.

    A value that is a Python literal is that value, so quotes protect blanks and commas. Others are read as
    :class:`mmengine.DictAction` does: ``a,b`` and ``[a,b]`` are lists of words.
    """

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: Sequence[str] | str | None,
        option_string: str | None = None,
    ) -> None:
        """Check the form of each word, then parse its value."""
        literals, words = {}, []
        for word in [values] if isinstance(values, str) else values or []:
            key, equals, text = word.partition("=")
            if not equals or not key:
                parser.error(f"{option_string}: {word!r} is not KEY=VALUE, for example optim_wrapper.optimizer.lr=0.01")
            tight = re.sub(r"\s*([\[\](),])\s*", r"\1", text.strip())
            try:
                value = ast.literal_eval(text.strip())
                literals[key] = list(value) if isinstance(value, tuple) and not text.strip().startswith("(") else value
            except (ValueError, SyntaxError):
                if re.search(r"\s", tight) and re.search(r"[\[\](),]", tight):
                    parser.error(f"{option_string}: {word!r}: put quotes around what holds blanks: {key}=\"'...'\"")
                elif re.search(r"\s", tight):  # DictAction would leave the blanks out
                    literals[key] = tight
                else:
                    words.append(f"{key}={tight}")
        super().__call__(parser, namespace, words, option_string)
        setattr(namespace, self.dest, {**getattr(namespace, self.dest), **literals})


def config_parser(description: str | None) -> argparse.ArgumentParser:
    """Return a parser whose first argument is a config."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("config", help="config file; it is a Python program and runs as such")
    return parser


def add_config_options(parser: argparse.ArgumentParser) -> None:
    """Add ``--cfg-options``, which changes values of the config from the command line."""
    parser.add_argument(
        "--cfg-options",
        nargs="+",
        action=ConfigOptions,
        metavar="KEY=VALUE",
        help="change values of the config: model.cls_head.num_classes=48, a list as key='[a,b]' or key=a,b; quote what "
        "holds blanks or commas: \"work_dir='my runs/try 1'\"",
    )


def add_trust_option(parser: argparse.ArgumentParser) -> None:
    """Add ``--trust-checkpoint``, without which a checkpoint that could run code is refused."""
    parser.add_argument(
        "--trust-checkpoint",
        action="store_true",
        help="load a checkpoint that holds other things than weights; that runs code of its author",
    )


def add_launch_options(parser: argparse.ArgumentParser) -> None:
    """Add ``--launcher`` and the ``--local_rank`` that old launchers pass."""
    parser.add_argument(
        "--launcher",
        choices=("none", "pytorch", "slurm", "mpi"),
        default="none",
        help="how the processes of a distributed run were started (default: none, one process)",
    )
    parser.add_argument("--local_rank", "--local-rank", type=int, default=0, help=argparse.SUPPRESS)


def add_run_options(parser: argparse.ArgumentParser) -> None:
    """Add what training and testing share: where results go, precision, trust, config values and launcher."""
    parser.add_argument(
        "--work-dir",
        help="folder of logs, checkpoints and results (default: work_dirs/NAME; a test writes beside "
        "the checkpoint, if that lies in the work directory of a training)",
    )
    parser.add_argument("--amp", action="store_true", help="mixed precision: bfloat16, or float16 on a GPU without it")
    add_cache_options(parser)
    add_trust_option(parser)
    add_config_options(parser)
    add_launch_options(parser)


def add_cache_options(parser: argparse.ArgumentParser) -> None:
    """Add what says where the features of a frozen backbone are kept."""
    parser.add_argument(
        "--cache",
        metavar="DIR",
        help="keep the features of a frozen backbone in DIR, and run the head on them; runs with the same network, "
        "clips and pipeline share them",
    )
    parser.add_argument(
        "--cache-views", type=int, default=1, metavar="K", help="augmentations of each training clip (default: 1)"
    )
    parser.add_argument(
        "--cache-dtype", choices=("float16", "float32"), default="float16", help="precision in DIR (default: float16)"
    )


def set_local_rank(args: argparse.Namespace) -> None:
    """Hand ``--local_rank`` to the environment, where the launchers' helpers look for it."""
    os.environ.setdefault("LOCAL_RANK", str(args.local_rank))


def merge_options(target: Any, options: dict[str, Any] | None) -> list[str]:
    """Write ``--cfg-options`` into a config; return a note for each new key that is close to one that it has.

    KeyError if a key goes through a value that is no dict or list, or past the end of a list.
    """
    notes = [note for key in options or {} if (note := _new_key_note(target, key))]
    try:
        target.merge_from_dict(options or {})
    except (KeyError, IndexError, TypeError, AttributeError) as error:
        raise KeyError(f"--cfg-options {' '.join(options or {})}: {describe_error(error)}") from error
    return notes


def _new_key_note(target: Any, dotted: str) -> str | None:
    """Say at which part ``dotted`` leaves the keys that the config has, or return None if it is all there."""
    node = target
    for part in dotted.split("."):
        if isinstance(node, (list, tuple)):
            if not part.isdigit() or int(part) >= len(node):
                return None  # merge_from_dict says what is wrong
            node = node[int(part)]
        elif hasattr(node, "keys"):
            if part not in node:
                hint = suggest(part, node.keys())
                return f"--cfg-options {dotted}: {part!r} is new here{hint}" if hint else None
            node = node[part]
        else:
            return None
    return None
