"""The tutorial, run as a reader without a key runs it: in a real kernel, on simulated models."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

nbclient = pytest.importorskip("nbclient", reason='the tutorial needs `pip install -e ".[docs]"`')
nbformat = pytest.importorskip("nbformat")
pytest.importorskip("ipykernel")

NOTEBOOK = Path(__file__).parents[2] / "docs" / "tutorial.ipynb"
SHOP = NOTEBOOK.parents[1] / "examples" / "shop"
pytestmark = pytest.mark.skipif(not NOTEBOOK.is_file(), reason="the package is tested away from its repository")


def printed(notebook: Any) -> dict[str, str]:
    """What the cells print, by their last line."""
    return {
        cell.source.splitlines()[-1]: "".join(output.get("text", "") for output in cell.outputs)
        for cell in notebook.cells
        if cell.cell_type == "code"
    }


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::RuntimeWarning")  # of Jupyter's own packages
def test_the_tutorial_runs_and_shows_what_it_prints(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each cell runs, the new prompts are as they are shown on the page, and the source ends with them."""
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    kept = nbformat.read(NOTEBOOK, as_version=4)
    shown = printed(kept)
    nbclient.NotebookClient(kept, timeout=120, resources={"metadata": {"path": str(tmp_path)}}).execute()
    now = printed(kept)
    assert now["print(result.diff())"] == shown["print(result.diff())"] != ""
    assert now["print(result)"].startswith("The new prompts help.")
    assert "source has the new prompts" in now['print(result.diff() or "The source has the new prompts.")']
    assert not any(text.startswith("/") for output in shown.values() for text in output.split()), "a path of a machine"


def test_the_guides_use_the_files_of_the_tutorial() -> None:
    """`examples/shop` has what the tutorial's cells write."""
    cells = [cell.source for cell in nbformat.read(NOTEBOOK, as_version=4).cells]
    written = dict(
        re.findall(r"\A%%writefile (\S+)\n(.*)\Z", cell, re.DOTALL)[0] for cell in cells if "%%write" in cell
    )
    assert written.keys() == {"agent.py", "metric.py"}
    for name, text in written.items():
        assert (SHOP / name).read_text().strip() == text.strip()
