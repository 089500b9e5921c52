"""Simulated models for the tutorial and the guides in docs/, where a reader has no key.

No model is behind them. The one that works on a customer's question does what a rule of its prompt says, where the rule
is about this question; the one that reflects adds rules that the feedback states.
"""

from __future__ import annotations

import os
import random
import re
import threading
from contextlib import suppress

from langgraph_gepa.demo.lessons import tagged
from langgraph_gepa.demo.server import Answer, Request, SimulatedServer, ToolCall
from langgraph_gepa.demo.wire import text_of

WORKER, EDITOR = "gpt-5-mini", "gpt-5"
"""The models that the tutorial names; the simulated ones answer in their place."""


def start_models() -> None:
    """Starts simulated models on loopback for the rest of the process, and points OpenAI's clients to them."""
    server = SimulatedServer(MODELS)
    server.__enter__()
    os.environ |= {"OPENAI_BASE_URL": server.base_url, "OPENAI_API_KEY": "simulated"}


def worker(request: Request, _: random.Random) -> Answer:
    """Looks up the order that is asked about, and answers with what it found and the rules of its prompt for that."""
    last = request.messages[-1]
    order = re.search(r"\b\d{4}\b", request.user)
    if request.tools and last["role"] == "user" and order:
        tool = request.tool_names[0]
        return Answer(tool_calls=(ToolCall(tool, {"order": order[0]}),))
    known = text_of(last).partition("Notes: ")[2] or text_of(last)
    rules = [rule for rule in _rules(request.system) if _about(rule) in known.lower() and rule not in known]
    return Answer("\n".join([known, *rules]))


def _rules(prompt: str) -> list[str]:
    """The rules of a prompt: its lines such as `An order that is lost: offer a refund.`"""
    return [line.removeprefix("- ") for line in prompt.splitlines() if ": " in line]


def _about(rule: str) -> str:
    """What a rule is about: the last word before its colon, nothing where the rule is for every question."""
    word = rule.partition(": ")[0].split()[-1].lower()
    return "" if word == "always" else word


def editor(request: Request, rng: random.Random) -> Answer:
    """Adds one or two of the rules that the feedback states and the prompt lacks."""
    (text,) = tagged(request.user, "current_text")
    lines = [line.strip() for words in tagged(request.user, "feedback") for line in words.splitlines()]
    missing = sorted({rule for line in lines for rule in re.findall(r"Rule: (.+)", line) if rule not in text})
    chosen = rng.sample(missing, min(len(missing), rng.choice((1, 2))))
    return Answer("\n".join(["```", text.strip(), *(f"- {rule}" for rule in chosen), "```"]) if chosen else "NO CHANGE")


MODELS = {WORKER: worker, EDITOR: editor}


def serve() -> None:
    """Serves the models until Ctrl-C, and prints the variables that point OpenAI's clients to them."""
    with SimulatedServer(MODELS) as server:
        print(f"export OPENAI_BASE_URL={server.base_url} OPENAI_API_KEY=simulated", flush=True)
        with suppress(KeyboardInterrupt):
            threading.Event().wait()


if __name__ == "__main__":
    serve()
