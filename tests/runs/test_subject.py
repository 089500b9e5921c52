"""What is optimised is a graph at hand, or one that servers describe."""

from __future__ import annotations

import pytest
from langgraph.graph import START, StateGraph
from langgraph.pregel.remote import RemoteGraph
from typing_extensions import TypedDict

from langgraph_gepa import RunnerOptions, discover
from langgraph_gepa.adapter.discovery.remote_graphs import remote_graphs_in
from langgraph_gepa.adapter.loading import load_graph
from langgraph_gepa.core.module import Module
from langgraph_gepa.errors import GraphError, UsageError
from langgraph_gepa.runs.subject import _of_this_project, subject_of

NOBODY = "http://127.0.0.1:9"
FAR = RemoteGraph("far", url=NOBODY)


class State(TypedDict):
    text: str


def wraps() -> object:
    """A local graph one node of which runs on a server."""
    return StateGraph(State).add_node("far", FAR).add_edge(START, "far").compile()


def test_a_remote_graph_is_said_to_be_opaque_with_the_way_out(caplog: pytest.LogCaptureFixture) -> None:
    """As a node, where the rest of the graph is optimised; and where a graph at hand is needed."""
    assert discover(wraps()) == []
    assert "'far' is a RemoteGraph" in caplog.text
    assert "langgraph_gepa.serve" in caplog.text
    assert subject_of(wraps(), (), RunnerOptions()).opaque.startswith("'far' is a RemoteGraph")
    assert (
        remote_graphs_in(StateGraph(State).add_node("near", lambda state: state).add_edge(START, "near").compile())
        is None
    )
    with pytest.raises(GraphError, match=r"langgraph_gepa\.serve"):
        load_graph(FAR)
    with pytest.raises(GraphError, match="is on a server"):
        load_graph(NOBODY)


@pytest.mark.parametrize("graph", [NOBODY, FAR])
def test_a_graph_on_a_server_is_asked_of_it(graph: object) -> None:
    """Where nobody answers, that is said."""
    with pytest.raises(UsageError, match=r"No server can run rollouts.*127\.0\.0\.1:9"):
        subject_of(graph, (), RunnerOptions())


def test_one_address_is_as_good_as_a_list_of_one() -> None:
    """And without a graph and servers there is nothing to optimise."""
    with pytest.raises(UsageError, match="No server can run rollouts"):
        subject_of(None, NOBODY, RunnerOptions())
    with pytest.raises(UsageError, match="There is no graph"):
        subject_of(None, (), RunnerOptions())


@pytest.mark.parametrize(
    ("file", "kept"),
    [("agent.py", True), ("src/agent.py", True), (None, False), ("/deps/agent.py", False), ("../agent.py", False),
     ("C:\\deps\\agent.py", False)],
)  # fmt: skip
def test_a_server_names_no_file_outside_of_the_project(file: str | None, kept: bool) -> None:
    """`apply` would write there."""
    assert (_of_this_project(Module("m", "prompt", "text", file=file, line=3)).file == file) is (kept or file is None)
    assert (_of_this_project(Module("m", "prompt", "text", file=file, line=3)).line == 3) is kept
