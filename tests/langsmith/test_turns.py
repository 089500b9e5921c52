"""The turns of a conversation before a logged run."""

from __future__ import annotations

from typing import Any

import pytest

from langgraph_gepa.langsmith.turns import with_earlier_turns

SYSTEM, HI, HELLO, WHO, ME = (
    {"role": role, "content": text}
    for role, text in (("system", "Be kind."), ("user", "Hi"), ("assistant", "Hello"), ("user", "Who?"),
                       ("assistant", "Me"))
)  # fmt: skip


@pytest.mark.parametrize(
    ("given", "end", "expected"),
    [
        ([WHO], [HI, HELLO, WHO, ME], [HI, HELLO, WHO]),
        ([WHO], [SYSTEM, HI, HELLO, WHO, ME], [SYSTEM, HI, HELLO, WHO]),
        ([HI], [HI, HELLO, HI, HELLO], [HI, HELLO, HI]),  # the same again is the newer one
        ([WHO | {"id": "7"}], [HI, HELLO, WHO, ME], [HI, HELLO, WHO | {"id": "7"}]),
        ([HI], [SYSTEM, HI, HELLO], [HI]),  # the graph puts its system message first
        ([HI, HELLO, WHO], [HI, HELLO, WHO, ME], [HI, HELLO, WHO]),
        ([WHO], [ME], [WHO]),  # only the answer is in the outputs
        ([WHO], None, [WHO]),  # it failed
        ("Who?", [HI, HELLO, WHO, ME], [HI, HELLO, "Who?"]),
        (WHO, [HI, HELLO, WHO, ME], [HI, HELLO, WHO]),
        ([["human", "Who?"]], [HI, HELLO, WHO, ME], [HI, HELLO, ["human", "Who?"]]),
        ("Who?", "Who? Me", "Who?"),
        ({"n": 3}, [HI, HELLO], {"n": 3}),
        ([], [HI, HELLO], []),
    ],
)
def test_what_the_outputs_hold_before_the_input_is_put_in_front_of_it(given: Any, end: Any, expected: Any) -> None:
    """If something of it was said by a model; other keys stay as they are."""
    outputs = None if end is None else {"messages": end, "n": 2}
    assert with_earlier_turns({"messages": given, "n": 1}, outputs) == {"messages": expected, "n": 1}
