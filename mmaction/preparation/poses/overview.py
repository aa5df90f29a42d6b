"""The page about skeletons that were extracted, in the form of the doctor's page."""

from collections.abc import Mapping
from pathlib import Path

from mmaction.preparation.doctor.examine import examine
from mmaction.preparation.doctor.findings import Finding
from mmaction.preparation.doctor.findings_report import write_page
from mmaction.preparation.doctor.splits import splits_of_paths


def write_overview(annotations: Path, videos: Path | None, failed: Mapping[str, str], progress: bool = True) -> Path:
    """Write beside the annotation file what it holds: clips with findings on their videos, distributions, failures.

    ``videos`` is the folder of the videos, None: skeletons are shown on black; ``failed`` tells for each video that
    gave no skeleton why.
    """
    diagnosis = examine(splits_of_paths([annotations], videos=videos), quick=True, progress=progress)
    gone = [Finding("unreadable-file", "", name, problem) for name, problem in failed.items()]
    diagnosis.findings[:0] = gone
    return write_page(diagnosis, annotations.with_suffix(".html"), f"Skeletons in {annotations.name}")
