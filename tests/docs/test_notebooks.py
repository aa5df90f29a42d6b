"""The notebooks run, and keep what they show."""

import nbformat
import pytest
from nbclient import NotebookClient
from page_commands import ROOT

NOTEBOOKS = sorted((ROOT / "docs/notebooks").glob("*.ipynb"))


def test_they_were_run_and_stay_small():
    assert len(NOTEBOOKS) == 3
    for path in NOTEBOOKS:
        cells = [cell for cell in nbformat.read(path, 4).cells if cell.cell_type == "code"]
        assert all(cell.execution_count for cell in cells), f"{path.name}: run make notebooks"
        assert not [out for cell in cells for out in cell.outputs if out.output_type == "error"]
        assert path.stat().st_size < 500_000


@pytest.mark.slow
@pytest.mark.integration
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_they_run(path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    NotebookClient(nbformat.read(path, 4), timeout=900, kernel_name="python3").execute()
