"""The JSON of `show RUN --json`, and its page in the documentation."""

from pathlib import Path
from typing import Any

import pytest

import langgraph_gepa
from langgraph_gepa.report.json_view import to_json

PAGE = Path(langgraph_gepa.__file__).parents[1] / "docs" / "show-json.md"


@pytest.mark.skipif(not PAGE.is_file(), reason="the package is tested away from its repository")
def test_the_page_documents_every_key(finished: Any) -> None:
    """Of the run and of its iterations; settings have the names of the arguments."""
    view, page = finished.view(), PAGE.read_text(encoding="utf-8")
    plain = to_json(view)
    keys = (plain.keys() - view.settings.keys()) | plain["iterations"][0].keys()
    assert [key for key in sorted(keys) if f"`{key}`" not in page] == []


def test_no_setting_hides_a_finding_or_is_hidden_by_one(finished: Any) -> None:
    """`seed` is the first candidate; the seed of random choices has a name of its own."""
    view = finished.view(seed=7)
    plain = to_json(view)
    assert plain["random_seed"] == 7
    assert plain["seed"]["id"] == 0
    kept = view.settings.keys() - {"seed", "graph", "mermaid"}
    assert [key for key in sorted(kept) if plain[key] != view.settings[key]] == []
