"""The README's first program."""

from __future__ import annotations

import re
from pathlib import Path
from random import Random

import pytest

from langgraph_gepa.demo.server import SimulatedServer
from langgraph_gepa.demo.wire import Answer, Request, ToolCall

README = Path(__file__).parents[1] / "README.md"
LEARNED = "You help customers. Ask for the order number. Name example.com/pay and help@example.com."


def agent(request: Request, _: Random) -> Answer:
    """Looks the order up, then says what the tool and its own instructions say."""
    number = re.search(r"10\d\d", str(request.messages[1]["content"]))
    if number and request.messages[-1]["role"] == "user":
        return Answer(tool_calls=(ToolCall("order_status", {"order": number[0]}),))
    return Answer(f"{request.messages[-1]['content']} {request.messages[0]['content']}")


def editor(request: Request, _: Random) -> Answer:
    return Answer(f"```\n{LEARNED}\n```")


def test_the_first_program_runs_as_it_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Word for word, on simulated models: it defines all that it uses, and prints a verdict with better prompts."""
    program = re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)[0]
    monkeypatch.chdir(tmp_path)
    with SimulatedServer({"gpt-5-mini": agent, "gpt-5": editor}) as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
        monkeypatch.setenv("OPENAI_API_KEY", "simulated")
        names: dict[str, object] = {"__name__": "__main__"}
        exec(program, names)  # noqa: S102 - our own README
    assert names["result"].prompts == {"agent": LEARNED}  # type: ignore[attr-defined]
    assert "langgraph-gepa" in capsys.readouterr().out
