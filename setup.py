"""Install the distribution ``mmaction2-finegrained``, which provides the package ``mmaction``."""

import re
from pathlib import Path

from setuptools import find_packages, setup

ROOT = Path(__file__).parent


def read_requirements(name: str) -> list[str]:
    """Return the requirement lines of ``requirements/NAME.txt`` without comments."""
    lines = (ROOT / "requirements" / f"{name}.txt").read_text(encoding="utf-8").splitlines()
    return [line.strip() for line in lines if line.strip() and not line.startswith("#")]


VERSION = re.search(r'__version__ = "([^"]+)"', (ROOT / "mmaction/version.py").read_text(encoding="utf-8"))[1]
EXTRAS = {name: read_requirements(name) for name in ("pose", "flow", "dev")}

setup(
    name="mmaction2-finegrained",
    version=VERSION,
    description="Fine-grained action recognition on video and skeletons: FineGym, Diving48 and your own classes",
    long_description=(ROOT / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    packages=find_packages(include=["mmaction", "mmaction.*"]),
    package_data={"mmaction": ["py.typed", "**/*.csv", "**/*.json", "**/*.txt", "**/*.html"]},
    python_requires=">=3.10",
    install_requires=read_requirements("runtime"),
    extras_require=EXTRAS,
    zip_safe=False,
)
