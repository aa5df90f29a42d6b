"""The clips of a test as one page to look at: filtered, played beside their skeletons, and marked as mislabeled."""

import json
import shutil
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from mmaction.evaluation.functional import independent_probabilities
from mmaction.io.marks import MARKS, Mark, mark_row
from mmaction.io.suffixes import is_video
from mmaction.io.video import probe
from mmaction.io.video.folders import VideoFolder
from mmaction.reports.clip_pictures import ClipPictures, skeleton_strip, video_strip
from mmaction.structures import Result
from mmaction.structures.scores import as_probabilities
from mmaction.visualization.draw import limb_colors
from mmaction.visualization.pages import render_page
from mmaction.visualization.poses import clip_poses

TEMPLATE = Path(__file__).with_name("clip_browser.html")
PAGE = "index.html"
TOP = 5
# what current browsers play: codecs by container; they show GIF and WebP as pictures that move
_OPEN = frozenset({"vp8", "vp9", "av1", "libdav1d", "libvpx", "libvpx-vp9"})
PLAYED = {".mp4": _OPEN | {"h264"}, ".m4v": {"h264"}, ".mov": {"h264"}, ".webm": _OPEN}
TYPES = {".mp4": "video/mp4", ".m4v": "video/mp4", ".mov": "video/mp4", ".webm": "video/webm"}
TYPES |= {".gif": "image/gif", ".jpg": "image/jpeg", ".js": "text/javascript", ".html": "text/html; charset=utf-8"}


@dataclass
class ClipBrowser:
    """What the page shows of a result: a table of all clips, and of each its video, skeleton or picture."""

    result: Result
    title: str
    videos: Path | None = None  # folder in which the videos of skeletons lie
    annotations: str | Path | None = None  # skeleton file; None: the one that was tested

    @cached_property
    def _folder(self) -> VideoFolder | None:
        return VideoFolder(self.videos) if self.videos else None

    @cached_property
    def _pictures(self) -> ClipPictures:
        data = self.result.run.get("data") or {}
        return ClipPictures(self.annotations or data.get("ann_file"))

    def source(self, index: int) -> Path | None:
        """Return the video, or the folder of frames, of a clip; None where it is not on this machine."""
        name = self.result.ids[index].partition(" #")[0]
        if self._folder is not None:
            return self._folder.find(str(Path(name).with_suffix("")) if is_video(name) else name)
        path = Path(str(self.result.meta["source"][index])) if "source" in self.result.meta else None
        return path if path and str(path) != "." and path.exists() else None

    def labels(self, index: int) -> tuple[int, ...]:
        """Return the true classes of a clip."""
        label = self.result.labels[index]
        return tuple(np.flatnonzero(label).tolist()) if self.result.is_multi_label else (int(label),)

    def keep_errors(self) -> None:
        """Leave out the clips that are right."""
        guesses = self.result.predicted
        wrong = [i for i, guess in enumerate(guesses) if guess not in self.labels(i)]
        if not wrong:
            raise ValueError(f"{self.title}: all of the {len(self.result)} clips are right; leave --errors out")
        self.result = self.result.select(wrong)

    def summary(self) -> str:
        """Say how many clips have a video and a skeleton, which are not played, and how to name what is absent."""
        sources = [self.source(i) for i in range(len(self.result))]
        skeletons = sum(self._pictures.annotation(name) is not None for name in self.result.ids)
        kinds = Counter(path.suffix.lower() or "folders" for path in sources if path)
        odd = [kind for kind in kinds if kind not in PLAYED and kind != ".gif"]
        text = f"{len(sources)} clips, {sum(kinds.values())} with a video, {skeletons} with a skeleton"
        text += "; --videos FOLDER names the videos" if not kinds else ""
        return text + (f"; browsers do not play {', '.join(odd)}: frames are shown instead" if odd else "")

    def table(self) -> dict[str, Any]:
        """Return what the page knows of all clips, plain values."""
        result = self.result
        chance = (independent_probabilities if result.is_multi_label else as_probabilities)(result.scores)
        best = np.argsort(-chance, axis=1, kind="stable")[:, :TOP]
        one = {name: result.meta[name] for name in ("frames", "pose_quality") if name in result.meta}
        clips = []
        for i, name in enumerate(result.ids):
            label = self.labels(i)
            top = [] if result.missing[i] else [[int(c), round(float(chance[i, c]), 4)] for c in best[i]]
            own = max((round(float(chance[i, c]), 4) for c in label), default=0.0)
            clips.append([name, list(label), top, own, *(_number(values[i]) for values in one.values())])
        space = result.label_space
        return {
            "title": self.title,
            "classes": [result.class_name(c) for c in range(result.num_classes)],
            "attributes": {name: list(values) for name, values in space.table.items()} if space else {},
            "columns": ["id", "labels", "top", "own", *one],
            "clips": clips,
        }

    def page(self, marks: Mapping[str, Mark], is_served: bool) -> str:
        """Return the page, with the marks that there are; a page that is not served keeps its marks in the browser."""
        known = set(self.result.ids)
        shown = {mark.clip: mark.right for mark in marks.values() if mark.clip in known}
        others = [mark_row(mark) for mark in marks.values() if mark.clip not in known]
        values = {"marks": shown, "other_marks": others, "is_served": is_served, "marks_file": MARKS}
        return render_page(TEMPLATE, self.title, table=self.table(), **values)

    def media(self, index: int) -> tuple[Path | None, str]:
        """Return the file of a clip that a browser can show, or None and why there is none."""
        source = self.source(index)
        if source is None:
            return None, "there is no video of this clip here" + ("" if self.videos else "; --videos FOLDER names it")
        suffix = source.suffix.lower()
        if source.is_dir():
            return None, f"{source} is a folder of frames"
        if suffix == ".gif":
            return source, ""
        try:
            codec = probe(source).codec
        except (OSError, ValueError) as error:
            return None, str(error)
        if codec not in PLAYED.get(suffix, ()):
            return None, f"browsers do not play {source.name} ({codec} in {suffix}); mmaction resize makes it MP4"
        return source, ""

    def skeleton(self, index: int) -> dict[str, Any] | None:
        """Return the skeleton of a clip for drawing: size of the image, limbs, colors, and joints ``(M, T, V)``."""
        entry = self._pictures.annotation(self.result.ids[index])
        if entry is None:
            return None
        poses = clip_poses(entry)
        seen = (poses.score > 0) & np.isfinite(poses.keypoint).all(axis=-1)
        points = np.where(seen[..., None], np.round(poses.keypoint), -1).astype(int)
        height, width = poses.img_shape or (int(points[..., 1].max()) + 1, int(points[..., 0].max()) + 1)
        colors = ["#{:02x}{:02x}{:02x}".format(*color) for color in limb_colors(poses.layout)]
        limbs = [[int(a), int(b)] for a, b in poses.layout.limbs]
        return {"size": [width, height], "limbs": limbs, "colors": colors, "joints": points.tolist()}

    def strip(self, index: int) -> bytes | None:
        """Return frames of a clip side by side as JPEG, or None where there are none."""
        source, entry = self.source(index), self._pictures.annotation(self.result.ids[index])
        try:
            if source is not None:
                image = video_strip(source)
            elif entry is not None:
                image = skeleton_strip(entry)
            else:
                return None
        except (OSError, ValueError):
            return None
        return cv2.imencode(".jpg", image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 80])[1].tobytes()

    def script(self, index: int) -> str:
        """Return the script that shows a clip in the page, which gets it as it is needed."""
        file, why = self.media(index)
        try:
            skeleton = self.skeleton(index)
        except ValueError as error:
            skeleton, why = None, "; ".join(filter(None, (why, str(error))))
        shown = {
            "clip": index,
            "file": f"media/{index}{file.suffix.lower()}" if file else "",
            "picture": "" if file else f"media/{index}.jpg",
            "note": why,
            "skeleton": skeleton,
        }
        return f"showClip({json.dumps(shown, ensure_ascii=False)});\n"

    def write(self, out: Path, marks: Mapping[str, Mark], progress: Callable[[Any], Any] = iter) -> None:
        """Write page, scripts, videos and pictures into a folder that needs no server."""
        for name in ("clips", "media"):
            (out / name).mkdir(parents=True, exist_ok=True)
        for index in progress(range(len(self.result))):
            (out / f"clips/{index}.js").write_text(self.script(index), encoding="utf-8")
            file, _ = self.media(index)
            if file:
                shutil.copyfile(file, out / f"media/{index}{file.suffix.lower()}")
            elif picture := self.strip(index):
                (out / f"media/{index}.jpg").write_bytes(picture)
        (out / PAGE).write_text(self.page(marks, is_served=False), encoding="utf-8")


def _number(value: Any) -> float | int | None:
    """Return a fact as JSON has it: None where it is not known, whole numbers without a point."""
    number = float(value)
    if not np.isfinite(number):
        return None
    return int(number) if number.is_integer() else round(number, 4)
