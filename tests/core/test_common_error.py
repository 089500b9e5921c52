"""Of several failures, the one to quote is the commonest."""

from __future__ import annotations

from langgraph_gepa.core.common_error import commonest


def test_the_commonest_error_is_quoted_with_its_first_example() -> None:
    """What an error quotes does not make it another error; on a tie the earliest counts."""
    failures = [
        ("a", "Timeout: 300 s passed"),
        ("b", "In node write1: KeyError: 'name'"),
        ("c", "In node write1: KeyError: 'age'\nin line 7"),
        ("d", "In node write1: ValueError: 'age'"),
        ("e", "In node read: KeyError: 'name'"),
    ]
    assert commonest(failures) == ("b", "In node write1: KeyError: 'name'", 2)
    assert commonest(failures[:2]) == ("a", "Timeout: 300 s passed", 1)
    assert commonest([("a", "")]) == ("a", "", 1)
