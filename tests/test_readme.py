"""The README's programs and its command line."""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest
from typer.testing import CliRunner

from langgraph_gepa.cli import app
from langgraph_gepa.demo.server import SimulatedServer
from langgraph_gepa.demo.wire import Answer, Request, ToolCall

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
LEARNED = "You help customers. Ask for the order number. Name example.com/pay and help@example.com."


def agent(request: Request, _: Random) -> Answer:
    """Looks the order up, then says what the tool and its own instructions say."""
    number = re.search(r"10\d\d", str(request.messages[1]["content"]))
    if number and request.messages[-1]["role"] == "user":
        return Answer(tool_calls=(ToolCall("order_status", {"order": number[0]}),))
    return Answer(f"{request.messages[-1]['content']} {request.messages[0]['content']}")


def editor(request: Request, _: Random) -> Answer:
    return Answer(f"```\n{LEARNED}\n```")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty working directory, and simulated models under the names that the README uses."""
    monkeypatch.chdir(tmp_path)
    with SimulatedServer({"gpt-5-mini": agent, "gpt-5": editor}) as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
        monkeypatch.setenv("OPENAI_API_KEY", "simulated")
        yield tmp_path


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


def test_the_first_program_runs_as_it_stands(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Word for word, on simulated models: it defines all that it uses, and prints a verdict with better prompts."""
    names: dict[str, object] = {"__name__": "__main__"}
    exec(blocks("python")[0], names)  # noqa: S102 - our own README
    assert names["result"].prompts == {"agent": LEARNED}  # type: ignore[attr-defined]
    assert "langgraph-gepa" in capsys.readouterr().out


def test_the_command_line_runs_as_it_stands(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the three files that the README shows, each of its commands works, and the last has changed the source."""
    program, metric, *_ = blocks("python")
    (folder / "agent.py").write_text(re.search(r"(?s).*agent = create_agent.*?\n", program)[0])  # type: ignore[index]
    (folder / "examples.jsonl").write_text(blocks("json")[0])
    (folder / "metric.py").write_text(metric)
    monkeypatch.setattr(sys, "path", [*sys.path])
    commands = blocks("sh")[0].replace("\\\n", "").splitlines()
    assert len(commands) == 5
    for command in commands:
        _, *arguments = shlex.split(command, comments=True)
        outcome = CliRunner().invoke(app, arguments)
        assert outcome.exit_code == 0, outcome.output
    assert LEARNED in (folder / "agent.py").read_text()
