"""A stretch of a long video in which one action happens."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Event:
    """An action with its time.

    Attributes:
        label: Class index.
        start_s: When it begins, in seconds.
        end_s: When it ends, in seconds; later than ``start_s``.
        score: Mean score of the class in it, 0 to 1; of an annotation 1.

    Raises:
        ValueError: If it does not end after it begins.
    """

    label: int
    start_s: float
    end_s: float
    score: float = 1.0

    def __post_init__(self) -> None:
        if not self.start_s < self.end_s:
            raise ValueError(f"an event ends after it begins; got {self.start_s} to {self.end_s} s")

    @property
    def length_s(self) -> float:
        """Its length in seconds."""
        return self.end_s - self.start_s
