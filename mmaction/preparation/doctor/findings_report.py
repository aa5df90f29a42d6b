"""The findings as text, as CSV and as a page."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mmaction.preparation.doctor.examine import Diagnosis
from mmaction.preparation.doctor.findings import KINDS, Finding, count_severities
from mmaction.preparation.doctor.read_samples import Sample
from mmaction.preparation.doctor.thumbnails import thumbnail
from mmaction.utils import files
from mmaction.visualization.pages import figure_uri, image_uri, render_page

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SHOWN_IN_TERMINAL = 3
SHOWN_ON_PAGE = 1000
THUMBNAILS = 24
TEMPLATE = Path(__file__).with_name("findings.html")


def facts(diagnosis: Diagnosis) -> Iterator[tuple[str, str]]:
    """Yield name and value of what is good to know about each split."""
    for split, clips in diagnosis.samples.items():
        frames = np.array([sample.frames for sample in clips if sample.frames])
        text = f"{len(clips):,} clips, {len({label for sample in clips for label in sample.labels})} classes"
        if split.num_classes:
            text += f" of {split.num_classes}"
        if frames.size:
            text += f", {frames.min()} to {frames.max()} frames (median {int(np.median(frames))})"
        sizes = Counter((sample.width, sample.height) for sample in clips if sample.width)
        text += "".join(f", {width}x{height}: {count:,}" for (width, height), count in sizes.most_common(3))
        if persons := Counter(sample.persons for sample in clips if sample.persons):
            text += f", persons {', '.join(f'{n}: {count:,}' for n, count in sorted(persons.items())[:4])}"
            text += f", {100 * np.mean([sample.missing for sample in clips if sample.persons]):.1f} % of joints missing"
        yield split.name, text


def summary(diagnosis: Diagnosis) -> str:
    """Return the lines for the terminal: facts, then each kind of finding with examples, then the verdict."""
    lines = [f"{name}: {value}" for name, value in facts(diagnosis)]
    for code in dict.fromkeys(finding.code for finding in diagnosis.findings):
        findings = [finding for finding in diagnosis.findings if finding.code == code]
        lines.append(f"{findings[0].severity}: {findings[0].title} ({len(findings):,} x)")
        shown = ((finding.split, finding.clip, finding.message) for finding in findings[:SHOWN_IN_TERMINAL])
        lines += ["    " + ": ".join(filter(None, texts)) for texts in shown]
        if len(findings) > SHOWN_IN_TERMINAL:
            lines.append(f"    and {len(findings) - SHOWN_IN_TERMINAL:,} more")
    counts = count_severities(diagnosis.findings)
    lines.append(", ".join(f"{count:,} {name}{'s' if count != 1 else ''}" for name, count in counts.items()))
    return "\n".join(lines)


def write_csv(diagnosis: Diagnosis, path: Path) -> Path:
    """Write all findings, one a row: severity, kind, split, clip, message."""
    rows = (
        (finding.severity, finding.code, finding.split, finding.clip, finding.message) for finding in diagnosis.findings
    )
    return files.write_csv(path, [("severity", "kind", "split", "clip", "message"), *rows])


def write_page(diagnosis: Diagnosis, path: Path, title: str) -> Path:
    """Write one HTML file that needs no other: facts, findings, plots, thumbnails."""
    notes: dict[str, None] = {}  # how layouts were guessed, each once
    pictures = list(_pictures(diagnosis, notes))
    sections = [("summary", "In short"), ("samples", "Clips"), ("distributions", "Distributions")]
    page = render_page(
        TEMPLATE,
        title,
        sections=sections + [("findings", "All findings")] * bool(diagnosis.findings),
        cards=[(f"clips in {split.name}", f"{len(clips):,}") for split, clips in diagnosis.samples.items()],
        kinds=list(_kinds(diagnosis)),
        counts=count_severities(diagnosis.findings),
        facts=[*facts(diagnosis), *(("skeletons", note) for note in notes)],
        findings=diagnosis.findings,
        limit=SHOWN_ON_PAGE,
        plots=[figure_uri(figure) for figure in _figures(diagnosis)],
        pictures=pictures,
    )
    return files.write_text(path, page)


def _kinds(diagnosis: Diagnosis) -> Iterator[dict[str, object]]:
    """Yield for each kind of finding the first of them, how many there are, and what ``--fix`` does."""
    firsts = {finding.code: finding for finding in reversed(diagnosis.findings)}
    for code, count in Counter(finding.code for finding in diagnosis.findings).items():
        fix = "leaves the clip out" if KINDS[code].drops and firsts[code].position is not None else ""
        yield {"first": firsts[code], "count": count, "fix": "gives the right label" if code == "relabeled" else fix}


def _figures(diagnosis: Diagnosis) -> "Iterator[Figure]":
    """Yield plots of clips per class, of lengths, and for skeletons of missing joints."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    figure = Figure(figsize=(11, 3.2), layout="constrained")
    axes = figure.subplots()
    for split, clips in diagnosis.samples.items():
        labels = [label for sample in clips for label in sample.labels if label >= 0]
        if labels:
            edges = np.arange(max(max(labels) + 1, split.num_classes or 0) + 1) - 0.5
            axes.hist(labels, bins=edges.tolist(), histtype="stepfilled", alpha=0.6, label=split.name)
    axes.set(xlabel="class", ylabel="clips", title="Clips per class")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    yield _with_legend(figure)
    measures = [("frames", "frames", "Length"), ("width", "pixels", "Width")]
    if any(sample.persons for sample in diagnosis.all_samples()):
        measures += [("missing", "share of the joints", "Missing joints"), ("outside", "share", "Joints outside")]
    figure = Figure(figsize=(11, 3), layout="constrained")
    for axes, (name, unit, heading) in zip(figure.subplots(1, len(measures)), measures, strict=True):
        values = [[getattr(sample, name) for sample in clips if sample.frames] for clips in diagnosis.samples.values()]
        # drawn together they share their bins: a split without clips would make the bins of the others too thin to see
        axes.hist(values, bins=30, histtype="stepfilled", alpha=0.6, label=[split.name for split in diagnosis.samples])
        axes.set(xlabel=unit, title=heading)
    yield _with_legend(figure)


def _with_legend(figure: "Figure") -> "Figure":
    if figure.axes[0].get_legend_handles_labels()[0]:
        figure.axes[0].legend()
    return figure


def _pictures(diagnosis: Diagnosis, notes: dict[str, None]) -> Iterator[tuple[Sample, str, str, Finding | None]]:
    """Yield clips with findings, then others spread over the data set: sample, picture, classes, first finding."""
    blamed = {(finding.listed_in, finding.position): finding for finding in reversed(diagnosis.findings)}
    every = list(diagnosis.all_samples())
    bad = [sample for sample in every if (sample.split, sample.position) in blamed][: THUMBNAILS // 2]
    spread = every[:: max(len(every) // THUMBNAILS, 1)]
    for sample in dict.fromkeys([*bad, *spread][:THUMBNAILS]):
        data = thumbnail(sample, notes.setdefault)
        if data:
            classes = sample.split.classes
            label = ", ".join(classes[n] if 0 <= n < len(classes) else str(n) for n in sample.labels)
            yield (
                sample,
                image_uri(data, "jpeg"),
                label,
                blamed.get((sample.split, sample.position)),
            )
