from collections.abc import Callable
from dataclasses import replace
from itertools import combinations
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from langgraph_gepa.report.html.curve import draw_curve
from langgraph_gepa.report.html.family_tree import draw_tree
from langgraph_gepa.report.html.graph_drawing import draw_graph
from langgraph_gepa.report.summary import summarize

names = st.sampled_from(["__start__", "a", "b", "c", "d", "e", "__end__"])


@given(st.lists(names, min_size=1, unique=True), st.lists(st.tuples(names, names, st.booleans()), max_size=15))
def test_no_two_nodes_of_a_graph_overlap(nodes: list[str], edges: list[tuple[str, str, bool]]) -> None:
    """Any graph, cycles and loops included, has a drawing with every node and every edge between nodes it has."""
    drawing = draw_graph(summarize((), (), {"graph": {"name": "g", "nodes": nodes, "edges": edges}}))
    assert drawing is not None
    assert {box.name for box in drawing.boxes} == set(nodes)
    assert len(drawing.arrows) == sum(a in nodes and b in nodes for a, b, _ in edges)
    for one, two in combinations(drawing.boxes, 2):
        apart = one.x + one.width <= two.x or two.x + two.width <= one.x
        assert apart or one.y + one.height <= two.y or two.y + two.height <= one.y
    assert all(box.x >= 0 and box.x + box.width <= drawing.width for box in drawing.boxes)


def test_a_module_stands_in_its_node_or_in_the_subgraph_around_it(finished: Any) -> None:
    """`desk/agent` is drawn in node `desk`; a module nobody draws is named below."""
    view = finished.view()
    drawing = draw_graph(view)
    assert drawing is not None
    assert {box.name: [name for name, _ in box.modules] for box in drawing.boxes if box.modules} == {
        "route": ["router"], "desk": ["agent"], "write": ["writer"],
    }  # fmt: skip
    elsewhere = draw_graph(replace(view, settings={"graph": {"nodes": ["route"], "edges": []}}))
    assert elsewhere is not None
    assert [module.module.name for module in elsewhere.not_drawn] == ["agent", "writer"]


def test_candidates_in_the_tree_have_places_of_their_own(script: Callable[..., Any]) -> None:
    """Parents stand left of their children, nobody on top of another, the best's line on the first row."""
    run = script(examples=6)
    run.start()
    run.search(40, 3)
    view = run.view()
    tree = draw_tree(view)
    assert tree is not None
    places = {node.candidate.id: (node.x, node.y) for node in tree.nodes}
    assert len(set(places.values())) == len(places) == 40
    for node in tree.nodes:
        assert all(places[parent][0] < node.x for parent in node.candidate.parents)
        assert 0 < node.x < tree.width
        assert 0 < node.y < tree.height
    assert places[view.best.id][1] == places[0][1]


def test_a_trimmed_tree_is_complete_in_itself(script: Callable[..., Any]) -> None:
    """Every candidate shown has its parents shown, and the best is among them."""
    run = script(examples=6)
    run.start()
    run.search(40, 3)
    tree = draw_tree(run.view(), limit=12)
    assert tree is not None
    drawn = {node.candidate.id for node in tree.nodes}
    assert run.pool.best.id in drawn
    assert all(set(node.candidate.parents) <= drawn for node in tree.nodes)
    assert len(drawn) < 40


def test_every_candidate_is_a_point_within_the_chart(finished: Any) -> None:
    """Scales enclose the data, on both sizes."""
    for width, height in ((960, 340), (420, 300)):
        curve = draw_curve(finished.view(), width, height)
        assert curve is not None
        assert len(curve.points) == len(finished.pool.candidates)
        for point in curve.points:
            assert curve.axes.left <= point.x <= curve.axes.right
            assert curve.axes.top <= point.y <= curve.axes.bottom


def test_the_chart_of_a_small_scale_shows_its_differences(finished: Any) -> None:
    """Scores of a thousandth have marks as far apart as any others, and axis labels that differ."""
    view = finished.view()
    small = replace(
        view,
        range=(0.0, 0.001),
        curve=tuple((at, score / 1000) for at, score in view.curve),
        candidates=tuple(
            replace(one, score=replace(one.score, value=one.score.value / 1000)) for one in view.candidates
        ),
    )
    chart, usual = draw_curve(small, 960, 340), draw_curve(view, 960, 340)
    assert chart is not None
    assert usual is not None
    assert [round(point.y) for point in chart.points] == [round(point.y) for point in usual.points]
    labels = [tick.label for tick in chart.y_ticks]
    assert len(set(labels)) == len(labels)
