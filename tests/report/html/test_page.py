import base64
import hashlib
import re
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from langgraph_gepa.core.module import Module
from langgraph_gepa.core.reason import Obstacle, Reason
from langgraph_gepa.report.html.page import render, write_report
from langgraph_gepa.report.summary import summarize


class Outline(HTMLParser):
    """Tags with attributes, and the text of scripts and styles."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.sources: dict[str, list[str]] = {"script": [], "style": []}
        self.text: list[str] = []
        self._inside = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._inside = tag

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""

    def handle_data(self, data: str) -> None:
        self.sources.get(self._inside, self.text).append(data)


def test_what_a_model_wrote_makes_no_element(finished: Any) -> None:
    """One script and one style, ours; no image, no handler, no style attribute; the attack is there to read."""
    outline = Outline(render(finished.view()))
    names = [tag for tag, _ in outline.tags]
    assert (names.count("script"), names.count("style"), names.count("img")) == (1, 1, 0)
    attributes = {name for _, attrs in outline.tags for name in attrs}
    assert not {name for name in attributes if name.startswith("on") or name == "style"}
    assert "<script>document.title" in "".join(outline.text)


def test_the_policy_allows_our_own_script_and_style_only(finished: Any) -> None:
    """The hashes in the policy are those of the page's script and style; everything else is forbidden."""
    outline = Outline(render(finished.view()))
    policy = next(a["content"] for _, a in outline.tags if a.get("http-equiv") == "Content-Security-Policy")
    assert policy is not None
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    for kind in ("script", "style"):
        (source,) = outline.sources[kind]
        digest = base64.b64encode(hashlib.sha256(source.encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{digest}'" in policy


def test_nothing_is_loaded_from_elsewhere(finished: Any) -> None:
    """The file is the whole report: every link leads into it."""
    outline = Outline(render(finished.view()))
    for _, attrs in outline.tags:
        assert not {"src", "srcset", "action", "data"} & attrs.keys()
        assert (attrs.get("href") or "#").startswith(("#", "data:,"))


def test_links_lead_somewhere_and_ids_are_unique(finished: Any) -> None:
    """No dead link within the page."""
    outline = Outline(render(finished.view()))
    ids = [attrs["id"] for _, attrs in outline.tags if "id" in attrs]
    assert len(ids) == len(set(ids))
    assert {a["href"] for t, a in outline.tags if t == "a"} <= {f"#{id}" for id in ids}


def test_characters_that_act_are_made_visible(finished: Any, tmp_path: Path) -> None:
    """Terminal escapes, NUL, reordering marks and lone surrogates are shown, and the file is valid UTF-8."""
    page = write_report(finished.view(), tmp_path / "report.html").read_bytes().decode("utf-8")
    assert not re.search("[\x00-\x08\x0b-\x1f\u202e]", page)
    assert "␛[31m␀�" in page


def test_the_reason_of_a_text_left_alone_is_made_visible(finished: Any) -> None:
    """It is an object that becomes a sentence on the page, and its detail may be an error that a graph raised."""
    module = Module("other", "prompt", "Old.", reason=Reason(Obstacle.OTHER, "it broke \x1b[31mhere <b>"))
    page = render(summarize(finished.journal, [module], {}))
    assert "it broke ␛[31mhere &lt;b&gt;" in page


def test_the_same_view_gives_the_same_page(finished: Any) -> None:
    """No clock and no chance in a report."""
    assert render(finished.view()) == render(finished.view())


def test_only_a_simulated_run_has_the_banner(finished: Any) -> None:
    """The banner stands above the scores."""
    assert "Simulated model" in render(finished.view())
    assert "Simulated model" not in render(finished.view(simulated=False, reflection_model="openai:gpt-5"))


def test_an_unknown_price_is_no_headline(script: Callable[..., Any]) -> None:
    """The first screen has the tokens in its place, and the price as a small word below."""
    run = script(priced=False)
    run.start()
    (cost,) = re.findall(r"<dt>What it cost</dt>\s*<dd><b>(.*?)</b>(.*?)</div>", render(run.view()), re.DOTALL)
    assert cost[0][0].isdigit()
    assert re.search(r'tokens</dd>\s*<dd class="sub">price unknown, ', cost[1])


def test_a_run_that_has_just_begun_has_a_page(finished: Any) -> None:
    """Every beginning of a journal can be drawn, settings or not."""
    for length in (0, 1, 20, 27, 40):
        assert "</html>" in render(summarize(finished.journal[:length], (), {}))


def test_the_page_of_a_large_run_stays_small_and_names_what_it_leaves_out(script: Callable[..., Any]) -> None:
    """Trimmed by a stated rule: the tree to 60 candidates, the tables to 100 candidates and 200 iterations."""
    run = script(examples=4)
    run.start()
    while len(run.pool.candidates) < 500:
        run.mutate(accept=True)
    page = render(run.view())
    assert len(page.encode()) < 3_000_000
    assert "of 500: the best" in page
    assert "The 100 with the highest scores of 500" in page
    assert "Shown are the last 200" in page
    assert page.count('class="candidate ') <= 60


def test_a_graph_with_cycles_and_hostile_names_is_drawn(finished: Any) -> None:
    """Any nodes and edges give boxes that do not overlap and arrows between those that exist."""
    nodes = ["__start__", "a", "b<i>", "c" * 200, "alone", "__end__"]
    long = nodes[3]
    edges = [["__start__", "a", False], ["a", "b<i>", True], ["b<i>", "a", True], ["a", "a", False],
             ["a", long, False], [long, "a", True], ["a", "__end__", False], ["a", "gone", False]]  # fmt: skip
    page = render(finished.view(graph={"name": "g", "nodes": nodes, "edges": edges}))
    assert page.count('class="arrow') == 8  # seven edges and the arrow in the headline
    assert "b&lt;i&gt;" in page
    assert "<i>" not in page.split('id="graph"')[1].split("</svg>")[0]


@pytest.mark.parametrize("name", ["report.html", "report.html.partial"])
def test_the_page_is_written_through_no_link(finished: Any, tmp_path: Path, name: str) -> None:
    """A link planted in a run's folder is replaced or left alone; the file it leads to is not touched."""
    (tmp_path / "precious").write_text("precious")
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / name).symlink_to(tmp_path / "precious")
    page = write_report(finished.view(), tmp_path / "run" / "report.html")
    assert (tmp_path / "precious").read_text() == "precious"
    assert not page.is_symlink()
    assert {path.name for path in page.parent.iterdir()} == {"report.html", name}


def test_trade_offs_are_plotted_and_listed(finished: Any) -> None:
    """A page with several candidates to choose from has a row for each, and a dot for all that were measured."""
    view = finished.view()
    known = view.tradeoffs.known
    page = render(replace(view, tradeoffs=replace(view.tradeoffs, front=known[:2])))
    plot = page[page.index('class="tradeoffs"') : page.index("Family of candidates")]
    assert plot.count("<circle") == len(known) > 2
    assert [f'<th scope="row">#{one.candidate}' in plot for one in known[:3]] == [True, True, False]


def test_the_best_is_among_the_trade_offs(finished: Any) -> None:
    """Also where a cheaper candidate with the same score dominates it, so that there is something to compare with."""
    view = finished.view()
    others = [one for one in view.tradeoffs.known if one.candidate != view.best.id]
    page = render(replace(view, tradeoffs=replace(view.tradeoffs, front=tuple(others[:2]))))
    section = page[page.index('id="tradeoffs"') : page.index("Family of candidates")]
    assert f'<th scope="row">#{view.best.id} <span class="chip accent">best</span>' in section
    assert section.count('<th scope="row">') == 3
