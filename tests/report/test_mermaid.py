from __future__ import annotations

from langgraph_gepa.core.module import Module
from langgraph_gepa.report.mermaid import mermaid

DRAWING = {
    "name": "desk",
    "nodes": ["__start__", "team/writer", "team/critic", "tell", "__end__"],
    "edges": [
        ["__start__", "team/writer", True],
        ["team/writer", "team/critic", False],
        ["team/critic", "tell", False],
        ["tell", "__end__", False],
    ],
}


def test_modules_stand_at_their_nodes() -> None:
    """A node lists its modules, a graph within the graph is a box, and what is optimised stands out."""
    modules = [
        Module("writer", "prompt", "Write.", nodes=("team/writer",)),
        Module("tool:search", "tool", "Search.", nodes=("team/writer",)),
        Module('odd"<b>', "prompt", "x", nodes=("tell/inner/node",)),
        Module("lost", "prompt", "y"),
    ]
    assert mermaid(DRAWING, modules).splitlines() == [
        "flowchart TD",
        "  n0([start])",
        '  n3["tell<br/>● odd#quot;#lt;b#gt;"]',
        "  n4([end])",
        '  subgraph n1_box["team"]',
        '    n1["writer<br/>● writer<br/>○ tool:search"]',
        '    n2["critic"]',
        "  end",
        "  n0 -.-> n1",
        "  n1 --> n2",
        "  n2 --> n3",
        "  n3 --> n4",
        "  classDef on stroke-width:3px",
        "  class n1,n3 on",
    ]
