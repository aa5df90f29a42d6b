"""The version of the package, read by ``setup.py`` and shown by the tools."""

__version__ = "2.1.0"
