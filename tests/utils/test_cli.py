"""Errors, exit codes and options of the tools."""

import argparse
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mmengine.config import Config

from mmaction.utils import cli


def run(main, capsys):
    with pytest.raises(SystemExit) as ended:
        cli.run_tool(main)
    return ended.value.code, capsys.readouterr()


def fails_with(error):
    def main():
        raise error

    return main


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (ValueError("bad value"), 2, "error: bad value"),
        (KeyError("no key"), 2, "error: no key"),
        (FileNotFoundError(2, "No such file or directory", "x.py"), 2, "error: [Errno 2] No such file"),
        (cli.ToolStop("the disk is full"), 1, "stopped: the disk is full"),
        (KeyboardInterrupt(), 130, "stopped by the user"),
    ],
)
def test_a_mistake_is_one_message_and_an_exit_code(error, code, message, capsys, monkeypatch):
    monkeypatch.delenv(cli.DEBUG_VARIABLE, raising=False)
    got, printed = run(fails_with(error), capsys)
    assert got == code and message in printed.err and "Traceback" not in printed.err and printed.out == ""


def test_the_traceback_is_there_when_asked_for(capsys, monkeypatch):
    monkeypatch.setenv(cli.DEBUG_VARIABLE, "1")
    code, printed = run(fails_with(ValueError("bad value")), capsys)
    assert code == 2 and "Traceback" in printed.err


def test_a_fault_of_ours_is_not_taken_for_the_users(capsys):
    with pytest.raises(AssertionError):
        cli.run_tool(fails_with(AssertionError("ours")))


def test_an_assertion_of_mmengine_is_the_users(capsys, monkeypatch):
    monkeypatch.delenv(cli.DEBUG_VARIABLE, raising=False)
    library = {"__name__": "mmengine.runner.loops"}
    exec(compile("def build(epochs):\n    assert epochs == 1, 'an integer'", "loops.py", "exec"), library)
    code, printed = run(lambda: library["build"](1.5), capsys)
    assert code == 2
    assert printed.err.startswith("error: an integer\n(AssertionError at loops.py:2; the full traceback")


@pytest.mark.parametrize(("returned", "code"), [(None, 0), (0, 0), (3, 3)])
def test_the_code_that_main_returns_ends_the_process(returned, code, capsys):
    assert run(lambda: returned, capsys)[0] == code


@pytest.mark.parametrize(("chosen", "policy"), [(None, "PASSIVE"), ("ACTIVE", "ACTIVE")])
def test_waiting_threads_leave_their_core_unless_the_user_says_otherwise(chosen, policy, capsys, monkeypatch):
    monkeypatch.setenv("OMP_WAIT_POLICY", "")  # so that the tool's setting is undone after the test
    monkeypatch.delenv("OMP_WAIT_POLICY") if chosen is None else monkeypatch.setenv("OMP_WAIT_POLICY", chosen)
    code, shown = run(lambda: print(os.environ["OMP_WAIT_POLICY"]), capsys)
    assert (code, shown.out.strip()) == (0, policy)


def test_a_fault_in_a_data_worker_loses_its_traceback():
    text = 'Caught ValueError in DataLoader worker process 0.\nOriginal Traceback (most recent call last):\n  File "x"\n    y()\nValueError: clip 7: too short\nfor this span\n'  # noqa: E501 - as PyTorch writes it
    assert cli.describe_error(ValueError(text)) == "ValueError: clip 7: too short\nfor this span"


def test_an_unknown_name_gets_close_matches_of_its_registry():
    from mmaction.registry import HOOKS

    with pytest.raises(KeyError) as caught:
        HOOKS.build({"type": "FinitLossHook"})
    assert cli.describe_error(caught.value) == "hook 'FinitLossHook' is not registered; did you mean FiniteLossHook?"
    with pytest.raises(KeyError) as caught:
        HOOKS.build({"type": "Qqqqq"})
    assert cli.describe_error(caught.value).endswith("docs/migration.md says what older names are called")


def options(*words):
    parser = argparse.ArgumentParser()
    cli.add_config_options(parser)
    return parser.parse_args(["--cfg-options", *words]).cfg_options


def test_options_are_parsed_by_type():
    assert options("a.b=3", "c=[1,2]", "d=x,y", "e=True", "f=None") == {
        "a.b": 3, "c": [1, 2], "d": ["x", "y"], "e": True, "f": None}  # fmt: skip


@pytest.mark.parametrize(
    ("word", "value"),
    [
        ("k='my runs/try 1'", "my runs/try 1"),
        ("k=my runs/try 1", "my runs/try 1"),
        ("k='runs/a,b'", "runs/a,b"),
        ('k="runs/[a, b]"', "runs/[a, b]"),
        ("k=['a b','c,d']", ["a b", "c,d"]),
        ("k=('a b', 2)", ("a b", 2)),
        ("k=[a, b]", ["a", "b"]),
        ("k=1,2", [1, 2]),
        ("k='3'", "3"),
        ("k=1e-3", 1e-3),
        ("k=true", True),
        ("k=a=b", "a=b"),
    ],
)
def test_quotes_protect_blanks_and_commas(word, value):
    assert options(word) == {"k": value}


@given(text=st.text(st.characters(blacklist_categories=("Cs",)), max_size=20))
def test_any_quoted_text_is_that_text(text):
    assert options(f"k={text!r}") == {"k": text}


@pytest.mark.parametrize("word", ["lr", "=3"])
def test_an_option_without_a_value_shows_the_form(word, capsys):
    with pytest.raises(SystemExit) as ended:
        options(word)
    assert ended.value.code == 2
    assert f"{word!r} is not KEY=VALUE, for example optim_wrapper.optimizer.lr=0.01" in capsys.readouterr().err


def test_a_key_that_looks_like_a_typing_error_is_noted():
    cfg = Config({"optim_wrapper": {"optimizer": {"lr": 1}}, "hooks": [{"interval": 3}]})
    assert cli.merge_options(cfg, {"optim_wrapper.optimzer.lr": 2}) == [
        "--cfg-options optim_wrapper.optimzer.lr: 'optimzer' is new here; did you mean optimizer?"
    ]
    assert cli.merge_options(cfg, {"optim_wrapper.optimizer.lr": 2, "hooks.0.interval": 5, "other": 1}) == []
    assert cfg.optim_wrapper.optimizer.lr == 2 and cfg.hooks[0].interval == 5


@pytest.mark.parametrize("key", ["hooks.3.interval", "lr.value"])
def test_a_key_that_leads_nowhere_is_an_error(key):
    cfg = Config({"lr": 1, "hooks": [{"interval": 3}]})
    with pytest.raises(KeyError, match=rf"--cfg-options {key}: "):
        cli.merge_options(cfg, {key: 1})
