"""A file of finished pieces of work, so that a killed run goes on where it stopped."""

import json
import threading
from pathlib import Path


class Journal:
    """Records by key, one JSON object a line, appended and flushed one by one; the first one makes the file.

    A line that a kill left unfinished is dropped when the file is opened again; its work is done again.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.records: dict[str, dict] = {}
        self._lock = threading.Lock()
        whole = b""
        if path.is_file():
            content = path.read_bytes()
            whole = content[: content.rfind(b"\n") + 1]
            for line in whole.splitlines():
                self._take(line)
            if whole != content:
                path.write_bytes(whole)

    def _take(self, line: bytes) -> None:
        try:
            record = json.loads(line)
            self.records[record.pop("key")] = record
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise ValueError(f"{self.path}: not a journal of a prepare tool; delete it to start anew") from error

    def get(self, key: str) -> dict | None:
        """Return the record of ``key``, the last one written."""
        return self.records.get(key)

    def add(self, key: str, **record) -> None:
        """Write a record; it is on its way to the disk when this returns."""
        with self._lock:
            self.records[key] = record
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with open(self.path, "a", encoding="utf-8") as file:
                file.write(json.dumps({"key": key, **record}) + "\n")
