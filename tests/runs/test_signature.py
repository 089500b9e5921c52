"""The signature of a run's settings: this user's on this machine, and nobody else's."""

from __future__ import annotations

from pathlib import Path

import pytest

from langgraph_gepa.runs.signature import is_own, sign

CONFIG = {"graph": "app.py:graph", "seed": 0, "sets": ("a", "b")}


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's folder of application state."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path))
    return tmp_path / "langgraph-gepa"


def test_signed_settings_are_this_users_own() -> None:
    """Also as they come back from JSON, and not once a value was changed."""
    signature = sign(CONFIG)
    assert is_own({"asked": CONFIG, "signature": signature})
    assert is_own({"asked": {**CONFIG, "sets": ["a", "b"]}, "signature": signature})
    assert not is_own({"asked": {**CONFIG, "graph": "other.py:graph"}, "signature": signature})


@pytest.mark.parametrize("signature", ["", "0" * 64, "é", None, 7])
def test_anything_else_is_no_signature(signature: object) -> None:
    """Whatever its type."""
    sign(CONFIG)
    assert not is_own({"asked": CONFIG, "signature": signature})
    assert not is_own({"asked": CONFIG})


def test_another_key_signs_otherwise(state: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The key is made once, for its owner's eyes only."""
    signature = sign(CONFIG)
    assert sign(CONFIG) == signature
    assert (state / "key").stat().st_mode & 0o077 == 0
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "other"))
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path / "other"))
    assert sign(CONFIG) != signature
    assert not is_own({"asked": CONFIG, "signature": signature})


def test_who_can_keep_no_key_signs_nothing(state: Path) -> None:
    """A broken key is nobody's."""
    state.mkdir()
    (state / "key").write_text("no key")
    assert sign(CONFIG) == ""
    assert not is_own({"asked": CONFIG, "signature": ""})
