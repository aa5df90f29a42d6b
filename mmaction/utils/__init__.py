"""Set-up of the package and helpers of the command-line tools."""

from mmaction.utils.setup import register_all_modules

__all__ = ["register_all_modules"]
