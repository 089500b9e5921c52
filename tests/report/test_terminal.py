import io
import os
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from rich.console import Console

from langgraph_gepa.core.budget import Budget
from langgraph_gepa.core.events import IterationFinished
from langgraph_gepa.core.module import Module, Off
from langgraph_gepa.core.reason import Obstacle, Reason
from langgraph_gepa.report.module_list import ModuleList, modules_json, modules_table, why_off
from langgraph_gepa.report.outcome import print_summary
from langgraph_gepa.report.screen import Screen
from langgraph_gepa.report.terminal import Live
from langgraph_gepa.report.words import candidate_score, signed
from langgraph_gepa.search.pool import Pool


def watch(script: Any, console: Console, since: int = 0, until: int | None = None) -> Live:
    """Shows a whole journal to a live view, from event `since` on, or a part of it."""
    pool = Pool.replay(event for _, event in script.journal[:since])
    live = Live(console, Budget(rollouts=500), "runs/helpdesk", simulated=True)
    with live:
        for at, event in script.journal[since:until]:
            pool.apply(event)
            live(event, pool, at)
    return live


def plain(file: Any = None, **options: Any) -> Console:
    return Screen(file=file or io.StringIO(), width=100, **options)


def drawn(live: Live) -> str:
    console = Console(file=io.StringIO(), width=120, force_terminal=True, color_system=None)
    console.print(live)
    return console.file.getvalue()  # type: ignore[attr-defined,no-any-return]


def test_without_a_terminal_each_iteration_is_one_plain_line(finished: Any) -> None:
    """A log file gets text without escapes, a line an iteration, whatever a model put into it."""
    console = plain()
    watch(finished, console)
    text = console.file.getvalue()  # type: ignore[attr-defined]
    assert "\x1b" not in text
    assert "\x00" not in text
    ended = sum(isinstance(event, IterationFinished) for _, event in finished.journal)
    assert sum("rollouts]" in line for line in text.splitlines()) == ended
    assert text.splitlines()[0].startswith("Simulated model")


def test_no_color_means_plain_lines_on_a_terminal_too(finished: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """NO_COLOR is honoured as the user's wish for quiet output."""
    monkeypatch.setenv("NO_COLOR", "1")
    console = plain(force_terminal=True)
    watch(finished, console)
    assert "\x1b" not in console.file.getvalue()  # type: ignore[attr-defined]


def test_a_terminal_that_goes_away_does_not_stop_the_run(finished: Any) -> None:
    """The observer falls silent when its file is closed or nobody reads the pipe."""
    closed = io.StringIO()
    closed.close()
    reading, writing = os.pipe()
    os.close(reading)
    pipe = os.fdopen(writing, "w")
    for file in (closed, pipe):
        watch(finished, plain(file))
        watch(finished, plain(file, force_terminal=True))
    with suppress(BrokenPipeError):  # what the observer wrote before is flushed now, to nobody
        pipe.close()


def test_the_panel_shows_progress_the_best_score_and_what_is_under_way(script: Callable[..., Any]) -> None:
    """Budget, best score and since when, candidates, stage and cost are on the screen."""
    run = script()
    run.start()
    run.search(4, 0)
    run.leave_under_way()
    text = drawn(watch(run, plain(force_terminal=True, color_system=None)))
    best = run.view().candidates[run.pool.best.id]
    assert f"{run.pool.spent.rollouts} of 500 rollouts" in text
    assert f"best #{best.id}: {candidate_score(best.score)} " in text
    assert f"(since rollout {best.rollouts};" in text
    assert "4 candidates" in text
    assert "reflecting on writer" in text
    assert "$0." in text


def test_a_run_that_has_just_begun_names_its_step(finished: Any) -> None:
    """The first rollouts may take minutes, in which nothing has ended yet."""
    assert "validating 0/24  seed" in drawn(watch(finished, plain(force_terminal=True, color_system=None), until=1))


def test_a_resumed_run_shows_what_was_left_under_way(script: Callable[..., Any]) -> None:
    """An observer that comes late learns from the pool what open iterations did before."""
    run = script()
    run.start()
    run.leave_under_way()
    cut = len(run.journal)
    run.run({**run.pool.candidates[0].texts, "writer": "new"}, ("feedback-0",), 1, "feedback")
    text = drawn(watch(run, plain(force_terminal=True, color_system=None), since=cut))
    assert "trying the new text 1/2" in text


def test_the_summary_shows_before_after_and_the_files(finished: Any) -> None:
    """Scores of seed and best, the change with its interval, what changed, the cost, the files."""
    console = plain()
    print_summary(finished.view(), console, {"Report": "runs/helpdesk/report.html"})
    text = console.file.getvalue()  # type: ignore[attr-defined]
    view = finished.view()
    assert f"{view.best.test.mean:.3f}" in text
    change = view.test.difference
    (line,) = [line for line in text.splitlines() if line.startswith("Held-out test")]
    assert f"{signed(change.low)} to {signed(change.high)}" in line
    assert all(f"{module.module.name}  +" in text for module in view.changed)
    assert "runs/helpdesk/report.html" in text
    assert "Simulated model" in text


def test_where_a_price_is_unknown_the_tokens_take_its_place(script: Callable[..., Any]) -> None:
    """It is said once in the summary and in the panel, and never in the lines of a log, which have the tokens."""
    run = script(priced=False)
    run.start()
    log, summary = plain(), plain()
    live = watch(run, log)
    print_summary(run.view(), summary)
    (line,) = [line for line in log.file.getvalue().splitlines() if "rollouts]" in line]  # type: ignore[attr-defined]
    assert line.endswith(" tokens")
    assert "unknown" not in line
    for text in (summary.file.getvalue(), drawn(live)):  # type: ignore[attr-defined]
        assert text.count("tokens (price unknown)") == text.count("unknown") == 1


def test_eighty_columns_hold_every_number(finished: Any) -> None:
    """The usual width of a terminal and of a log: no number of the summary is cut short."""
    console = Console(file=io.StringIO(), width=80)
    print_summary(finished.view(), console)
    text: str = console.file.getvalue()  # type: ignore[attr-defined]
    assert "…" not in text[: text.index("Changed")] + text[text.index("\nBest") :]


def test_a_listing_has_the_promised_fields_and_why_a_text_cannot_be_replaced() -> None:
    """`prompts --json` is a contract: nine fields, and a reason where there is one."""
    promised = {
        "name": "m", "kind": "prompt", "text": "Hi {name}", "placeholders": ("name",), "nodes": ("a/b",),
        "file": None, "line": 3, "evidence": "flows", "on": False,
    }  # fmt: skip
    module = Module(
        "m",
        "prompt",
        "Hi {name}",
        placeholders=("name",),
        nodes=("a/b",),
        line=3,
        reason=Reason(Obstacle.OTHER, "read anew"),
    )
    (listed,) = modules_json([module])
    assert listed == {**promised, "reason": "read anew"}


def test_the_table_shows_each_module_and_why_some_cannot_be_replaced() -> None:
    """Nothing found is dropped in silence, and nothing in a name acts on the terminal."""
    console = plain()
    modules = (
        Module("writer", "prompt", "Write.\nKindly.", nodes=("write",), file="g.py", line=7, evidence="seen"),
        Module("odd\x1b[2J", "prompt", "x", reason=Reason(Obstacle.OTHER, "read from a socket on every run")),
    )
    modules_table(modules, console)
    text = console.file.getvalue()  # type: ignore[attr-defined]
    assert "g.py:7" in text
    assert "Write. Kindly." in text
    assert "read from a socket on every run" in text
    assert "\x1b" not in text


def test_texts_that_only_may_reach_a_model_are_folded_by_the_reason_and_listed_when_asked() -> None:
    """What is unsure is never dropped in silence, and never in the way; many values of one table are one row."""
    week = [
        Module(f"week.{day}", "prompt", f"On {day} we rest.", evidence="possible", off=Off.TABLE, table="week")
        for day in ("monday", "tuesday", "sunday")
    ]
    modules = (
        Module("writer", "prompt", "Write.", nodes=("write",)),
        Module("reply", "prompt", "We have it.", nodes=("write",), evidence="possible"),
        *week,
    )
    short, full = plain(), plain()
    modules_table(modules, short)
    modules_table(modules, full, everything=True)
    folded, listed = (console.file.getvalue() for console in (short, full))  # type: ignore[attr-defined]
    assert "Off: 4 texts" in folded
    assert "1  no proven flow   reply" in folded
    assert "3  table of values  week.*" in folded
    assert ["We have it." in text for text in (folded, listed)] == [False, True]
    assert "week.*  prompt" in listed
    assert "On sunday" not in listed


def test_the_nodes_are_listed_in_the_order_of_the_graph() -> None:
    """Every module stands at its node, and the nodes come as a run comes to them."""
    modules = [Module(name, "prompt", "Hi.", nodes=(node,)) for name, node in (("a", "z"), ("b", "m"), ("c", "z"))]
    console = plain()
    modules_table(modules, console)
    lines = console.file.getvalue().splitlines()  # type: ignore[attr-defined]
    assert [line.split()[0] if line[0] != " " else line.split()[1] for line in lines[:8:1] if "Hi." not in line] == [
        "z", "a", "c", "m", "b",
    ]  # fmt: skip


def test_every_code_for_being_off_has_words() -> None:
    """A run keeps codes, and whoever reads the listing three words or fewer."""
    for off in Off:
        words = why_off(Module("m", "prompt", "x", evidence="possible", off=off))
        assert 0 < len(words.split()) <= 3


def test_a_graph_without_prompts_is_explained() -> None:
    """An empty listing is a sentence, which does not ask for what was done."""
    for watched in (False, True):
        console = plain()
        modules_table((), console, watched=watched)
        text: str = console.file.getvalue()  # type: ignore[attr-defined]
        assert "No text was found" in text
        assert ("--examples" in text) is not watched


def test_a_list_of_modules_shows_itself_as_a_table_and_stays_a_list() -> None:
    """In Python's console and in a notebook, escaped, with what Python calls the way to take in what is off."""
    off = Module("<b>", "prompt", "We have it.", evidence="possible")
    found = ModuleList([Module("writer", "prompt", "<i>Write.", nodes=("write",)), off])
    assert "● writer" in repr(found)
    assert "modules=[NAME, ...]" in repr(found)
    html = found._repr_html_()
    assert "<td style" in html
    assert "&lt;i&gt;Write." in html
    assert "&lt;b&gt;" in html
    assert "<b>" not in html
    assert [module.name for module in found] == ["writer", "<b>"]
    assert found[1:] == [off]
    assert "No text was found" in ModuleList([])._repr_html_()
