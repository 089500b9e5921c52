"""The live page in a real browser: what changes is replaced, and the reader's place is kept."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from langgraph_gepa.store.folder import open_run
from langgraph_gepa.ui.page_server import served

CHANGED = """
new Promise((done) => {
  const wait = () => document.querySelector('.state.done') ? done(true) : setTimeout(wait, 50);
  wait();
})
"""


@pytest.fixture
def growing(started: Path, tmp_path: Path) -> Path:
    """A run in the middle of its search."""
    run = tmp_path / "run"
    run.mkdir()
    shutil.copy(started / "run.db", run)
    with closing(sqlite3.connect(run / "run.db", isolation_level=None)) as db:
        db.execute("DELETE FROM events WHERE id > (SELECT max(id) * 2 / 3 FROM events)")
    return run


def test_the_page_follows_the_run_and_keeps_what_the_reader_opened(browser: Any, started: Path, growing: Path) -> None:
    """Sections are replaced when the run goes on; open details stay open, the window stays where it is."""
    with served(growing) as server:
        browser.open(server.url)
        assert browser.evaluate("document.querySelector('#summary .state').textContent").startswith("Stopped")
        browser.evaluate("document.querySelector('details[data-key=candidates]').open = true")
        browser.evaluate("document.querySelector('#family').scrollIntoView({behavior: 'instant'})")
        top = "Math.round(document.querySelector('#family').getBoundingClientRect().top)"
        before = browser.evaluate(top)
        shutil.copy(started / "run.db", growing)
        assert browser.evaluate(CHANGED)
        assert browser.evaluate("document.querySelector('details[data-key=candidates]').open")
        assert abs(browser.evaluate(top) - before) <= 1
        assert browser.problems == []


def test_the_stop_button_asks_and_stops_the_run(browser: Any, growing: Path) -> None:
    """A click of the mouse on a page whose run is under way; the answer stands at the top of the page."""
    with closing(open_run(growing, create=True)) as store, served(growing) as server:
        store.configure({"looked_at": True})
        browser.open(server.url)
        browser.click("document.getElementById('stop')")
        answered = """
        new Promise((done) => {
          const wait = () => document.getElementById('live').textContent.startsWith('Stopping') ? done(true)
            : setTimeout(wait, 20);
          wait();
        })
        """
        assert browser.evaluate(answered)
        assert (growing / "stop").exists()
        assert browser.problems == []


def test_the_list_leads_to_a_comparison(browser: Any, started: Path, tmp_path: Path) -> None:
    """The form is allowed by the page's policy, and two runs stand side by side."""
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        shutil.copy(started / "run.db", tmp_path / name)
    with served(tmp_path) as server:
        browser.open(server.url, 380)
        assert browser.evaluate("document.documentElement.scrollWidth") == 380
        browser.leave("document.querySelector('form button').click()")
        assert browser.evaluate("document.querySelectorAll('thead a').length") == 2
        assert browser.evaluate("document.documentElement.scrollWidth") == 380
        assert browser.problems == []


@pytest.mark.parametrize("width", [380, 1600])
def test_what_is_loaded_on_demand_fits_and_complains_of_nothing(browser: Any, started: Path, width: int) -> None:
    """An example's calls and a candidate's story come from the server when a reader opens them."""
    with served(started) as server:
        browser.open(server.url, width, dark=True)
        loaded = """
        new Promise((done) => {
          const opened = [...document.querySelectorAll('#examples details[data-load], #story-1')].slice(0, 8);
          for (const each of opened) each.open = true;
          const wait = () => opened.every((each) => each.lastElementChild.textContent !== '…') ? done(true)
            : setTimeout(wait, 20);
          wait();
        })
        """
        assert browser.evaluate(loaded)
        assert browser.evaluate("document.querySelectorAll('#examples .steps li').length") > 0
        assert browser.evaluate("document.documentElement.scrollWidth") == width
        assert browser.problems == []
