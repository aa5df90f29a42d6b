"""What a sample is called, and whether its label has a class."""

from typing import Any

NAME_KEYS = ("filename", "frame_dir")


def sample_name(info: Any, default: object = "unnamed") -> str:
    """Return the name of a sample or an annotation: its ``filename``, else its ``frame_dir``.

    Splits name annotations by it, as in MMAction2, whose files may hold both. ``default`` names what has neither.
    """
    names = (str(info.get(key, "")) for key in NAME_KEYS)  # an array in a damaged file has no truth value
    return next((name for name in names if name not in ("", "None")), str(default))


def outside_classes(label: int, num_classes: int | None) -> str | None:
    """Return what is wrong with a class index, for a message; None if a class has it or their number is not known."""
    if num_classes is None or 0 <= label < num_classes:
        return None
    return f"label {label} is outside the {num_classes} classes (0 to {num_classes - 1})"
