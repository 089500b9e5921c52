"""Parts of a text that no proposal may touch."""

from __future__ import annotations

import pytest

from langgraph_gepa.reflection.directions import touched

ORIGINAL = "You answer for Acme Ltd.\nNever promise refunds.\nAcme Ltd. is closed on Sundays."


@pytest.mark.parametrize(
    "text",
    [
        ORIGINAL,
        f"Be kind. {ORIGINAL} Be brief.",
        "Acme Ltd. Acme Ltd. Never promise refunds.",
        "Acme Ltd. Acme Ltd. Acme Ltd. Never promise refunds.",
    ],
)
def test_frozen_parts_may_move_but_stay(text: str) -> None:
    """Each stands in the new text at least as often as in the original."""
    assert touched(text, ORIGINAL, ("Acme Ltd.", "Never promise refunds.")) is None


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("Acme Ltd. Never promise refunds.", "this part is to stay exactly as before: 'Acme Ltd.'"),
        ("Acme Ltd. Acme Ltd. Never promise refunds!", "this part is to stay exactly as before: 'Never promise"),
        ("acme ltd.", "these parts are to stay exactly as before: 'Acme Ltd.', 'Never promise refunds.'"),
        ("Acme Ltd. Acme  Ltd. Never\npromise refunds.", "these parts are"),
    ],
)
def test_what_was_touched_is_named(text: str, named: str) -> None:
    """Dropped, or changed by as little as a space."""
    assert named in str(touched(text, ORIGINAL, ("Acme Ltd.", "Never promise refunds.")))
