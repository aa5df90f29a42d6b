"""Read the config that a checkpoint carries as text, without running it."""

import ast
from typing import Any

from mmengine.config import Config


def config_of_text(text: str, name: str) -> Config:
    """Return the config that MMEngine wrote as ``text``: assignments of plain values, with ``dict(key=value)``.

    ``name`` says where the text comes from. ValueError if there is anything but plain values in it, such as a call; it
    is not run.
    """
    try:
        statements = ast.parse(text).body
    except SyntaxError as error:
        raise ValueError(f"{name}: the config in it is no Python text (line {error.lineno}); pass a config") from None
    values: dict[str, Any] = {}
    for node in statements:
        match node:
            case ast.Assign(targets=[ast.Name(id=key)], value=value):
                values[key] = _plain(value, name)
            case _:
                raise ValueError(f"{name}: line {node.lineno} of the config in it is no plain value; pass a config")
    return Config(values)


def _plain(node: ast.expr, name: str) -> Any:
    match node:
        case ast.Call(func=ast.Name(id="dict"), args=[], keywords=pairs) if all(pair.arg for pair in pairs):
            return {pair.arg: _plain(pair.value, name) for pair in pairs}
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
