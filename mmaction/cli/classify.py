"""Classify files with a trained model: the work of ``tools/infer.py``."""

import argparse
import sys
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from pathlib import Path

from tqdm import tqdm

from mmaction.apis.clips import Clip
from mmaction.apis.event_files import check_event_files, cut_events, event_table, write_events
from mmaction.apis.events import WHOLE_LENGTHS, find_events, find_whole_events
from mmaction.apis.inputs import expand_inputs, number_skeletons, read_clips, sources_of
from mmaction.apis.labeled_video import check_suffix, write_labeled
from mmaction.apis.poses import VideoPoses
from mmaction.apis.predictions import Prediction, render_predictions
from mmaction.apis.recognizer import Recognizer
from mmaction.apis.timeline import classify_windows, draw_timeline
from mmaction.cli.arguments import read_config
from mmaction.io.suffixes import is_video
from mmaction.label_spaces import read_label_map
from mmaction.preparation.poses.persons import BackendOptions
from mmaction.structures.events import Event
from mmaction.utils.cli import USER_ERRORS, describe_error, suggest
from mmaction.utils.config import dataset_config
from mmaction.utils.files import refuse_inputs
from mmaction.utils.text import first_few


def output_files(args: argparse.Namespace, clips: Sequence[Clip]) -> dict[str, Path]:
    """Return the file that ``--out`` gives each clip; ValueError if two share one, or it is of another kind."""
    if not args.out:
        return {}
    out = Path(args.out).expanduser()
    if is_video(out) and not out.is_dir():
        if len(clips) > 1:
            raise ValueError(f"--out {out} is one file, but there are {len(clips)} clips; name a folder")
        check_suffix(out)
        files = {clip.name: out for clip in clips}
    else:
        files = {clip.name: out / f"{Path(clip.name).stem}.mp4" for clip in clips}
    if len(set(files.values())) < len(clips):
        raise ValueError(f"--out {out}: several clips have the same name without suffix; classify them apart")
    return files


def check_outputs(paths: Sequence[Path], inputs: Sequence[str], overwrite: bool) -> None:
    """Raise an error if one of ``paths`` is an input, or exists and ``overwrite`` is False."""
    for path in paths:
        refuse_inputs(path, inputs)
    existing = [] if overwrite else [path for path in paths if path.exists()]
    if existing:
        raise FileExistsError(f"{existing[0]} exists; choose another name or pass --overwrite")


class Classifier:
    """The model with the options of the call."""

    def __init__(self, args: argparse.Namespace) -> None:
        self.args = args
        config, checkpoint = args.config, args.checkpoint
        if checkpoint is not None:
            config = read_config(args, sys.stderr)
        options = BackendOptions(str(args.device or "cpu"), args.pose_weights, mode="balanced")
        self.poses = VideoPoses(args.poses, options, lambda line: tqdm.write(line, file=sys.stderr))
        self._recognize = Recognizer.load(config, checkpoint, args.device, args.trust_checkpoint, self.poses)
        self.model = self._recognize.model
        self.names = self.model.classes
        if args.label_map:
            self.names = list(read_label_map(args.label_map, self.model.num_scores))
        self.dataset = dataset_config(self.model.cfg)
        self.background = [self._label(name) for name in args.background]

    def _label(self, name: str) -> int:
        """Return the index of a class; KeyError if there is none of that name."""
        if name not in (self.names or ()):
            raise KeyError(f"--background: the model has no class {name!r}{suggest(name, self.names or ())}")
        return list(self.names or ()).index(name)

    def classify(self, clip: Clip) -> list[Prediction]:
        """Return one prediction for the clip, or one for each window."""
        args = self.args
        clip, fps = self._recognize.prepare(clip)
        if args.window is not None:
            stride = args.stride or args.window / (10 if args.whole else 2)
            lengths = [args.window * part for part in WHOLE_LENGTHS] if args.whole else [args.window]
            found = [
                window
                for length in lengths
                for window in classify_windows(self.model, clip, length, stride, args.fps or fps, progress)
            ]
            return sorted(found, key=lambda window: (window.start_s or 0) + (window.end_s or 0))
        return [self._recognize(clip)]

    def events(self, windows: Sequence[Prediction]) -> list[Event] | None:
        """Return the events of the windows of one clip; None where clips are classified as a whole."""
        if self.args.window is None:
            return None
        if self.args.whole:
            return find_whole_events(windows, self.args.threshold, self.background)
        return find_events(windows, self.args.threshold, self.args.min_event, self.background)


def progress(items: Iterable, unit: str = "window") -> Iterable:
    """Show a bar on the standard error while ``items`` are worked on, if it is a terminal and there are several."""
    items = list(items)
    return tqdm(items, unit=unit, file=sys.stderr, disable=len(items) < 2 or None, leave=False)


def classify_all(classifier: Classifier, clips: Sequence[Clip], files: dict[str, Path]) -> tuple[list[Prediction], int]:
    """Return the predictions and how many clips failed; those are named. Write the videos with labels."""
    args = classifier.args
    predictions, failed = [], 0
    for clip in progress(clips, "clip"):
        try:
            found = classifier.classify(clip)
            if clip.name in files:
                events = classifier.events(found)
                problem = write_labeled(clip, found, classifier.names, files[clip.name], args.fps, events)
                if problem:
                    tqdm.write(f"warning: {problem}", file=sys.stderr)
        except USER_ERRORS as error:
            if len(clips) == 1:
                raise
            text = describe_error(error)
            tqdm.write(f"error: {text if clip.name in text else f'{clip.name}: {text}'}", file=sys.stderr)
            failed += 1
        else:
            predictions += found
    return predictions, failed


def tell_events(classifier: Classifier, predictions: Sequence[Prediction], videos: Mapping[str, str]) -> None:
    """Print what happens in each clip, or the scores of the windows where another format is asked for; write files."""
    args, names = classifier.args, classifier.names
    if args.format != "table":
        print(render_predictions(predictions, names, args.format, args.topk))
    for clip, windows in groupby(predictions, key=lambda prediction: prediction.clip):
        of_clip = list(windows)
        events = classifier.events(of_clip) or []
        if args.format == "table":
            print(event_table(events, names, clip))
            empty = sum(window.nobody for window in of_clip)
            seen = f", {empty} of them show nobody" if empty else ""
            about = "about " if args.whole else ""
            print(f"  ({len(of_clip)} windows of {about}{args.window:g} s{seen}; --format csv lists them)")
        for path in args.events or ():
            write_events(events, names, clip, path)
        if args.cut:
            print(f"  {len(cut_events(videos[clip], events, names, args.cut))} clips in {args.cut}", file=sys.stderr)


def run(args: argparse.Namespace) -> int:
    """Classify what the options of tools/infer.py name; return the exit code."""
    paths = expand_inputs(args.inputs)
    classifier = Classifier(args)
    sources = [source for path in paths for source in sources_of(path, args.split, args.clip or ())]
    clips = list(number_skeletons(read_clips(sources, classifier.dataset)))
    unread = len(sources) - len(clips)
    files = output_files(args, clips)
    singles = [Path(path) for path in [args.timeline, *(args.events or ())] if path]
    if singles and len(clips) > 1:
        raise ValueError(f"{'--timeline' if args.timeline else '--events'} is for one clip; got {len(clips)}")
    check_event_files(args.events or ())
    if args.cut and any(clip.kind != "video" for clip in clips):
        raise ValueError("--cut cuts videos; one of the inputs is none")
    check_outputs([*files.values(), *singles], paths, args.overwrite)
    predictions, failed = classify_all(classifier, clips, files)
    if written := [files[name] for name in dict.fromkeys(found.clip for found in predictions) if name in files]:
        print(f"wrote {first_few(written)}", file=sys.stderr)
    failed += unread
    classified = {prediction.clip for prediction in predictions if not prediction.nobody}
    empty = {prediction.clip for prediction in predictions} - classified
    if args.window is not None:
        tell_events(classifier, predictions, {c.name: c.sample["filename"] for c in clips if c.kind == "video"})
    elif predictions or args.format != "table":
        print(render_predictions(predictions, classifier.names, args.format, args.topk))
    if args.timeline and predictions:
        draw_timeline(predictions, classifier.names, args.timeline, classifier.events(predictions) or ())
    if empty:
        print(f"{len(empty)} of {len(sources)} clips show nobody: no joint is seen in them", file=sys.stderr)
    if failed:
        print(f"{failed} of {len(sources)} clips were not classified", file=sys.stderr)
    return 1 if failed or empty else 0
