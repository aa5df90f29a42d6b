"""The classes of the procedural data set: a dive is a take-off, somersaults, twists and a position.

Diving48 has the same four attributes (Li et al., "RESOUND", ECCV 2018).
"""

from dataclasses import dataclass
from itertools import product

TAKEOFFS = ("forward", "back", "reverse", "inward", "armstand")
POSITIONS = ("pike", "tuck", "straight", "free")

# Motions that a single frame does not tell apart: all start upright, twist at least half a turn (so that every view
# of the body occurs) and enter the water head first. Each is given in every position of a set.
_BLIND_MOTIONS = (
    ("forward", 3, 1),
    ("back", 5, 1),
    ("forward", 5, 3),
    ("back", 3, 3),
    ("reverse", 3, 1),
    ("inward", 5, 1),
    ("reverse", 5, 3),
    ("inward", 3, 3),
)


@dataclass(frozen=True)
class Dive:
    """One class of the data set."""

    takeoff: str  # one of TAKEOFFS: the way the diver faces and the sense of the rotation
    half_somersaults: int  # half turns about the transverse axis, at least 1
    half_twists: int  # half turns about the longitudinal axis, 0 or more
    position: str  # one of POSITIONS: the shape of the body while it somersaults; free is the diver's choice

    @property
    def name(self) -> str:
        """The attributes in words, such as ``forward, 1.5 somersaults, 0.5 twists, pike``."""
        somersaults, twists = self.half_somersaults / 2, self.half_twists / 2
        return f"{self.takeoff}, {somersaults:g} somersaults, {twists:g} twists, {self.position}"

    @property
    def starts_inverted(self) -> bool:
        """Whether the diver starts from a handstand."""
        return self.takeoff == "armstand"

    @property
    def faces_water(self) -> bool:
        """Whether the diver faces the direction of travel at take-off."""
        return self.takeoff in ("forward", "reverse", "armstand")

    @property
    def rotates_forward(self) -> bool:
        """Whether the head moves toward the diver's front, as in a forward roll."""
        return self.takeoff in ("forward", "inward", "armstand")

    @property
    def enters_head_first(self) -> bool:
        """Whether the hands meet the water before the feet."""
        return (self.half_somersaults + self.starts_inverted) % 2 == 1


_BLIND_DIVES = (Dive(*motion, position) for motion in _BLIND_MOTIONS for position in ("pike", "tuck"))
_OTHERS = (Dive(*attributes) for attributes in product(TAKEOFFS, range(2, 8), range(5), POSITIONS))
DIVES = tuple(dict.fromkeys([*_BLIND_DIVES, *_OTHERS]))


def first_dives(num_classes: int) -> tuple[Dive, ...]:
    """Return the first ``num_classes`` dives of the list.

    Within the first 16, a single frame shows at most the position, which every other class shares: the best guess
    from one frame is right in 2 of ``num_classes`` cases.
    """
    if not 2 <= num_classes <= len(DIVES):
        raise ValueError(f"num_classes: expected 2 to {len(DIVES)} dives, got {num_classes}")
    return DIVES[:num_classes]
