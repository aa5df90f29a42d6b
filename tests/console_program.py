"""The command mmaction as a file, for tests that run it where it is not installed."""

from mmaction.cli.console import run

if __name__ == "__main__":
    run()
