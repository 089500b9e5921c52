"""What acts on a terminal, or hides from whoever reads it, is made visible; spelling is left alone."""

from __future__ import annotations

import io
import json
import logging
import os
import pty
import subprocess
import sys
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from langgraph_gepa import errors
from langgraph_gepa.core.printable import escaped_json, visible
from langgraph_gepa.report.screen import Screen

ATTACK = "\x1b]0;owned\x07\x1b[2J\x9b31m\x7f\r\b\u202esrevo\u200b\ufeff\U000e0041\x00"
TEXTS = st.text(st.characters(codec=None) | st.sampled_from(ATTACK + "\u200c\u200d\ufe0f❤👨a#"))


@given(TEXTS)
def test_nothing_is_left_that_acts_on_a_terminal(text: str) -> None:
    """No control character but tab and newline, no surrogate, no mark that reorders text; twice changes nothing."""
    seen = visible(text)
    assert not [char for char in seen if unicodedata.category(char) in ("Cc", "Cs") and char not in "\t\n"]
    assert not set(seen) & set("\u200b\u2028\u2029\u202a\u202b\u202d\u202e\u2066\u2067\u2068\u2069\ufeff\xad")
    assert not [char for char in seen if 0xE0000 <= ord(char) <= 0xE0FFF]
    assert visible(seen) == seen


@pytest.mark.parametrize(
    "text",
    ["Grüße, 你好\n\tمرحبا", "می‌خواهم", "क्‍ष", "👨‍👩‍👧 ❤️‍🔥 1️⃣ 🏳️‍🌈", "[red] :smile: <b> {question}"],
)
def test_what_is_spelling_stays(text: str) -> None:
    """Joiners within words of other scripts and emoji, and the selectors of emoji, are no tricks."""
    assert visible(text) == text


@pytest.mark.parametrize("text", ["pass\u200dword", "a\u200c\u200db", "\u200d", "x\ufe01\ufe02", "né\u200d\u200cé"])
def test_joiners_that_only_hide_are_shown(text: str) -> None:
    """Between Latin letters, or in rows, they carry what nobody sees."""
    assert "[U+" in visible(text)


@given(TEXTS)
def test_json_on_a_terminal_says_the_same(text: str) -> None:
    """It is escaped as JSON itself escapes."""
    on_terminal = escaped_json(json.dumps({text: [text]}, ensure_ascii=False))
    assert json.loads(on_terminal) == {text: [text]}
    assert not set(on_terminal) & set("\x7f\x9b\u202e\u200b\ufeff\U000e0041\u200d")


def test_a_screen_prints_text_as_text() -> None:
    """However it is laid out: no escape, no markup, no emoji codes."""
    file = io.StringIO()
    screen = Screen(file=file, force_terminal=True, color_system=None, width=200)
    screen.print(f"{ATTACK} [bold]x[/bold] :smile:")
    assert "[bold]x[/bold] :smile:" in file.getvalue()
    assert not set(file.getvalue()) & set("\x1b\x9b\x07\x7f\u202e")


def test_errors_and_their_tracebacks_are_visible() -> None:
    """What an error quotes cannot act on the terminal that its traceback is read in."""
    assert str(errors.UsageError(f"no {ATTACK}")) == f"no {visible(ATTACK)}"


SCRIPT = """
import sys
from langgraph_gepa.errors import UsageError
from langgraph_gepa.cli.console import app, command, echo, emit, emit_json, print_notes, screen, start
text = sys.argv.pop()
@command()
def say():
    print_notes([text]); echo(text); emit(text); emit_json({text: text}); screen().print(text)
    raise UsageError(text)
@app.callback()
def main(): pass
start(app)
"""
SPOKEN = "\x1b]0;owned\x07 \x9b2J \x7f \u202e \u200b [bold]x[/bold] :smile:"


@pytest.mark.skipif(sys.platform == "win32", reason="there are no pseudo-terminals on Windows")
def test_no_command_lets_a_text_act_on_a_terminal() -> None:
    """Whatever a command prints with, nothing that acts comes out at the other end of a terminal."""
    pid, end = pty.fork()
    if pid == 0:
        os.environ["TERM"] = "xterm-256color"
        os.execv(sys.executable, [sys.executable, "-c", SCRIPT, "say", SPOKEN])  # noqa: S606 - our own program
    out = b""
    while True:
        try:
            chunk = os.read(end, 65536)
        except OSError:  # how a terminal on Linux says that the other side is closed
            break
        if not chunk:
            break
        out += chunk
    os.waitpid(pid, 0)
    printed = out.decode()
    assert printed.count("owned") == 7
    assert printed.count("[bold]x[/bold] :smile:") == 7
    assert not set(printed) & set("\x1b\x9b\x07\x7f\u202e\u200b")


def test_pipes_for_machines_get_every_byte(tmp_path: Path) -> None:
    """What a program reads is exact; what people read is visible also where it is kept in a file."""
    done = subprocess.run([sys.executable, "-c", SCRIPT, "say", SPOKEN], capture_output=True, check=False)
    lines = done.stdout.decode().split("\n")
    assert lines[0] == visible(SPOKEN)
    assert lines[1].removesuffix("{") == SPOKEN
    assert json.loads("{" + "".join(lines[2:4])) == {SPOKEN: SPOKEN}
    assert done.stderr.decode().splitlines() == [visible(SPOKEN)] * 2


def test_logs_are_visible_and_on_one_line(caplog: pytest.LogCaptureFixture) -> None:
    """A text of a model's in a log neither acts on a terminal nor looks like a record of its own."""
    from langgraph_gepa.runs.job import _logged

    with caplog.at_level(logging.WARNING):
        _logged(logging.getLogger("test").warning)(f"{ATTACK}\nERROR all is lost")
    assert caplog.messages == [f"{visible(ATTACK)} ERROR all is lost"]
