"""Read the config that a checkpoint carries as text, without running it."""

import ast
import io
import itertools
import keyword
import tokenize
from typing import Any

from mmengine.config import Config

MARK = "KEYWORD_AS_KEY_"


def config_of_text(text: str, name: str) -> Config:
    """Return the config that MMEngine wrote as ``text``: assignments of plain values, with ``dict(key=value)``.

    ``name`` says where the text comes from. ValueError if there is anything but plain values in it, such as a call; it
    is not run.
    """
    try:
        statements = ast.parse(_with_keywords_marked(text)).body
    except SyntaxError as error:
        raise ValueError(f"{name}: the config in it is no Python text (line {error.lineno}); pass a config") from None
    values: dict[str, Any] = {}
    for node in statements:
        match node:
            case ast.Assign(targets=[ast.Name(id=key)], value=value):
                values[key.removeprefix(MARK)] = _plain(value, name)
            case _:
                raise ValueError(f"{name}: line {node.lineno} of the config in it is no plain value; pass a config")
    return Config(values)


def _with_keywords_marked(text: str) -> str:
    """Return ``text`` with a mark before each key that is a keyword: MMEngine writes ``dict(or=1)``, no Python.

    SyntaxError if even the words of the text cannot be told apart.
    """
    lines = io.StringIO(text).readlines()
    try:
        tokens = list(tokenize.generate_tokens(iter(lines).__next__))
    except tokenize.TokenError as error:
        raise SyntaxError(error.args[0], ("", error.args[1][0], 0, "")) from None
    pairs = itertools.pairwise(tokens)
    for word in reversed([word for word, after in pairs if keyword.iskeyword(word.string) and after.string == "="]):
        row, column = word.start
        lines[row - 1] = lines[row - 1][:column] + MARK + lines[row - 1][column:]
    return "".join(lines)


def _plain(node: ast.expr, name: str) -> Any:
    match node:
        case ast.Call(func=ast.Name(id="dict"), args=[], keywords=pairs) if all(pair.arg for pair in pairs):
            return {str(pair.arg).removeprefix(MARK): _plain(pair.value, name) for pair in pairs}
        case ast.Call(func=ast.Name(id="dict"), args=[ast.Dict() as inner], keywords=[]):  # where a key is no name
            return _plain(inner, name)
        case ast.Dict(keys=keys, values=values) if None not in keys:
            return {ast.literal_eval(key): _plain(value, name) for key, value in zip(keys, values, strict=True) if key}
        case ast.List(elts=items):
            return [_plain(item, name) for item in items]
        case ast.Tuple(elts=items):
            return tuple(_plain(item, name) for item in items)
    try:
        return ast.literal_eval(node)
    except (ValueError, TypeError):
        what = ast.unparse(node)[:60]
        raise ValueError(
            f"{name}: line {node.lineno} of the config in it is no plain value: {what}; pass a config"
        ) from None
