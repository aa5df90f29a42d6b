"""Install the distribution ``mmaction2-finegrained``, which provides the package ``mmaction``."""

import os
import re
import shutil
from pathlib import Path

from setuptools import find_packages, setup
from setuptools.command.build_py import build_py

ROOT = Path(__file__).parent


def read_requirements(name: str) -> list[str]:
    """Return the requirement lines of ``requirements/NAME.txt`` without comments."""
    lines = (ROOT / "requirements" / f"{name}.txt").read_text(encoding="utf-8").splitlines()
    return [line.strip() for line in lines if line.strip() and not line.startswith("#")]


class BuildWithConfigs(build_py):
    """Packs configs and tools into the wheel, in the folder where mim and ``mmaction::`` look for them."""

    def run(self) -> None:
        """Build the package, then copy what stands beside it."""
        super().run()
        if self.editable_mode:  # the checkout's own are used
            return
        target = Path(self.build_lib, "mmaction", ".mim")
        for name in ("configs", "tools"):
            shutil.copytree(
                ROOT / name, target / name, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__")
            )
        (target / "model-index.yml").write_text("Import:\n  - configs/metafile.yml\n", encoding="utf-8")


VERSION = re.search(r'__version__ = "([^"]+)"', (ROOT / "mmaction/version.py").read_text(encoding="utf-8"))[1]
EXTRAS = {name: read_requirements(name) for name in ("pose", "poses", "flow", "foundation", "export", "docs", "dev")}
EXTRAS["dev"] += EXTRAS["foundation"] + EXTRAS["export"] + EXTRAS["docs"]  # so that their tests run

URL = os.environ.get("PROJECT_URL", "").rstrip("/")  # where a release is published; no address is written down here
LINKS = {"Source": URL, "Issues": f"{URL}/issues", "Changelog": f"{URL}/blob/main/CHANGELOG.md"} if URL else {}

setup(
    name="mmaction2-finegrained",
    version=VERSION,
    description="Fine-grained action recognition on video and skeletons: FineGym, Diving48 and your own classes",
    long_description=(ROOT / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    author="The mmaction2-finegrained maintainers",
    url=URL or None,
    project_urls=LINKS,
    keywords="action recognition, video understanding, fine-grained, skeleton, FineGym, Diving48, PyTorch",
    classifiers=[
        "Development Status :: 5 - Production/Stable",
        "Environment :: Console",
        "Environment :: GPU :: NVIDIA CUDA",
        "Intended Audience :: Developers",
        "Intended Audience :: Science/Research",
        "Operating System :: POSIX :: Linux",
        *(f"Programming Language :: Python :: {version}" for version in ("3", "3.10", "3.11", "3.12", "3.13")),
        "Topic :: Multimedia :: Video",
        "Topic :: Scientific/Engineering :: Artificial Intelligence",
        "Topic :: Scientific/Engineering :: Image Recognition",
        "Typing :: Typed",
    ],
    packages=find_packages(include=["mmaction", "mmaction.*"]),
    package_data={"mmaction": ["py.typed", "**/*.csv", "**/*.json", "**/*.txt", "**/*.html"]},
    python_requires=">=3.10",
    install_requires=read_requirements("runtime"),
    extras_require=EXTRAS,
    entry_points={"console_scripts": ["mmaction = mmaction.cli.console:run"]},
    cmdclass={"build_py": BuildWithConfigs},
    zip_safe=False,
)
