"""Simulated models for `graphs/bfcl.py`: an agent that calls tools, and a reflection model.

No model is behind them. The agent cannot understand a user, so in place of understanding it holds an answer key: the
tasks with the calls that are right. How many of these it makes depends on the texts it is given. What the system prompt
does not ask for it often leaves out: to finish, to log in, to change the directory, to look up and prepare what a call
needs, to ask where something is missing. And it takes tools for others whose descriptions use the same words, unless
one of the two names the other, as in `mv`. The tools and the checks are real. Its scores say something about texts and
bookkeeping, and nothing about any real model.

    python evals/simulated/bfcl.py DIR      serves them on loopback until Ctrl-C, for the examples in DIR
"""

from __future__ import annotations

import functools
import random
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from serving import REFLECTION, examples_in, serve
from word_matching import stems

from langgraph_gepa.demo.lessons import Lesson, Reading, attention, reflect
from langgraph_gepa.demo.server import Answer, Persona, Request, ToolCall

AGENT = "simulated-agent"
ALIKE = 0.4
"""Descriptions that share so much of their words are taken for one another, as often as they share words."""

LESSONS = (
    Lesson(
        name="finish",
        patterns=(r"\b(all|every|each|whole|entire|nothing (left|open))\b", r"request|part|step|task|turn|asked"),
        phrasings=(
            "Carry out every part of a request before you end your turn.",
            "Go on calling tools until all steps of the task are done.",
        ),
        feedback=r"The turn ended without",
        luck=0.6,
    ),
    Lesson(
        name="sign in",
        patterns=(r"\b(log|sign)(ging|ning)? ?in\b|\bauthenticat", r"\b(first|before|unless|beforehand)\b"),
        phrasings=(
            "Log in to a service first if it needs that, with the credentials the user gave.",
            "Authenticate before you call a tool that works on the user's account.",
        ),
        feedback=r"Left out, before [^\n]*: \w*(login|authenticate)\w*\(",
        luck=0.5,
    ),
    Lesson(
        name="place",
        patterns=(r"\b(director|folder)", r"\b(first|before|change|go|move|current)\b"),
        phrasings=(
            "File tools only see the current directory: change to the right folder first.",
            "Before you touch a file, go to the directory it is in, one folder at a time.",
        ),
        feedback=r"Left out, before [^\n]*: cd\(",
        luck=0.5,
    ),
    Lesson(
        name="prepare",
        patterns=(r"\b(look\w* up|prepar|require|precondition|prerequisite|fetch)", r"\b(first|before|beforehand)\b"),
        phrasings=(
            "Look up what a call needs, such as prices, codes and numbers, before you make it.",
            "Bring about what a tool requires first: its preconditions, and the values it takes.",
        ),
        feedback=r"Left out, before [^\n]*: (?!cd\(|\w*(login|authenticate))",
        luck=0.5,
    ),
    Lesson(
        name="ask",
        patterns=(r"\b(ask|wait|no guess\w*)\b|not guess|never guess", r"missing|lack|unclear|not (given|named|there)"),
        phrasings=(
            "If a tool or a detail is missing, call nothing and ask the user.",
            "Never guess what was not given: ask for it, and wait for the answer.",
        ),
        overreach="If anything at all might be unclear, ask the user and call nothing.",
        feedback=r"still missing",
        luck=0.4,
    ),
)  # fmt: skip
LEFT_OUT = {
    "sign in": re.compile(r"\w*(login|authenticate)"),
    "place": re.compile(r"cd$"),
    "prepare": re.compile(r"(get|find|list|compute|check|estimate)_|lockDoors|pressBrakePedal|activateParkingBrake"),
}
"""What is left out of a turn, except at its end, by a model that does not act by the lesson."""

Call = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Script:
    """What the agent knows of a task: the user's turns, the tools held back until a turn, the calls that are right."""

    turns: tuple[str, ...]
    held_back: Mapping[int, Sequence[str]]
    calls: Sequence[Sequence[Call]]

    def fits(self, said: Sequence[str], tools: Iterable[str]) -> bool:
        """Whether a conversation may be this one, as far as it has come."""
        missing = {tool for turn, names in self.held_back.items() if turn >= len(said) for tool in names}
        return self.turns[: len(said)] == tuple(said) and missing.isdisjoint(tools)


def scripts(examples: Iterable[Mapping[str, Any]]) -> tuple[Script, ...]:
    """The answer key of examples of `evals/bfcl.py`. Those with tools held back come first, since they fit less.

    Of tasks that differ in their files alone (18 of `long_context` and `base`) it knows the first.
    """
    every = (
        Script(
            tuple(one["inputs"]["turns"]),
            {int(turn): names for turn, names in one["inputs"]["held_back"].items()},
            one["outputs"]["calls"],
        )
        for one in examples
    )
    return tuple(sorted(every, key=lambda script: not script.held_back))


def right_calls(key: Sequence[Script], request: Request) -> tuple[Sequence[Call], Sequence[Call]]:
    """The calls that are right in the turn that has just begun, and those that are in the next turn with any.

    None in the midst of a turn, whose calls were all made, and in a conversation that is not in the key.
    """
    said = [_text(message) for message in request.messages if message["role"] == "user"]
    script = next((one for one in key if one.fits(said, request.tool_names)), None)
    if script is None or request.messages[-1]["role"] != "user":
        return (), ()
    later = (calls for calls in script.calls[len(said) :] if calls)
    return script.calls[len(said) - 1], next(later, ())


def act(key: Sequence[Script], request: Request, _rng: random.Random) -> Answer:
    """All calls of a turn at once, then a word to the user.

    In a conversation it acts by the same lessons throughout, so the dice are thrown by its first words and the texts.
    """
    right, later = right_calls(key, request)
    opening = next((_text(message) for message in request.messages if message["role"] == "user"), "")
    reading = Reading(request.system, LESSONS, random.Random(f"{opening}\n{request.system}"))
    does = {lesson.name: reading.does(lesson.name) for lesson in LESSONS}
    if reading.overdoes("ask") and len(right) > 1:
        right = ()
    elif not right and not does["ask"]:
        right = later
    calls = [
        call for call in right[:-1] if all(does[name] or not LEFT_OUT[name].match(call["name"]) for name in LEFT_OUT)
    ]
    if does["finish"] or len(right) == 1:
        calls += right[-1:]
    picked = [_picked(call, request.tools, opening) for call in calls]
    return Answer("", tuple(picked)) if picked else Answer("That is what I could do. Is there anything else?")


def _picked(call: Call, tools: Sequence[Mapping[str, Any]], opening: str) -> ToolCall:
    """The call, or one with as many arguments to a tool that was taken for the right one, or is there in its place."""
    functions = {tool["function"]["name"]: tool["function"] for tool in tools}
    name, arguments = call["name"], call["arguments"]
    others = [one for one in functions.values() if one["name"] != name and len(_required(one)) == len(arguments)]
    if not others:
        return ToolCall(name, arguments)
    own = functions.get(name)
    other = max(others, key=lambda one: _likeness(own["description"], one["description"]) if own else 0)
    if own and not _confused(own, other, opening):
        return ToolCall(name, arguments)
    return ToolCall(other["name"], dict(zip(_required(other), arguments.values(), strict=True)))


def _confused(own: Mapping[str, Any], other: Mapping[str, Any], opening: str) -> bool:
    likeness = _likeness(own["description"], other["description"])
    told_apart = f"`{other['name']}`" in own["description"] or f"`{own['name']}`" in other["description"]
    chance = 1 - attention(own["description"]) if told_apart else likeness
    dice = random.Random(f"{opening}\n{own['description']}\n{other['description']}")
    return likeness >= ALIKE and dice.random() < chance


def _required(function: Mapping[str, Any]) -> Sequence[str]:
    return function["parameters"].get("required", ())


@functools.cache
def _likeness(one: str, other: str) -> float:
    """The share of words that two descriptions have in common, without what the tools of a class all begin with."""
    first, second = (stems(text.rpartition("Tool description:")[2]) for text in (one, other))
    return len(first & second) / max(1, len(first | second))


def rewrite(request: Request, rng: random.Random) -> Answer:
    """A simulated reflection model: it knows the lessons of the system prompt, and what to write of a tool when
    feedback says that it was taken for another."""
    own = re.search(r'<module name="tool:([^"]+)" kind="tool">', request.user)
    if own is None:
        return reflect(request, rng, LESSONS)
    pairs = {frozenset(pair) for pair in CONFUSED.findall(request.user)}
    others = sorted(name for pair in pairs if own[1] in pair for name in pair - {own[1]})
    return reflect(request, rng, [apart(own[1], other) for other in others]) if others else Answer("NO CHANGE")


CONFUSED = re.compile(r"`(\w+)` was called where `(\w+)` was right")


def apart(own: str, other: str) -> Lesson:
    return Lesson(
        name=other,
        patterns=(rf"`{other}`",),
        phrasings=(
            f"It does something else than `{other}`: choose by what the user wants to have done.",
            f"Where the user's words are about what `{other}` does, call that and not `{own}`.",
        ),
        feedback=rf"`({own}` was called where `{other}|{other}` was called where `{own})`",
    )


def _text(message: Mapping[str, Any]) -> str:
    return Request("", (message,)).user


def personas(key: Sequence[Script]) -> dict[str, Persona]:
    """The simulated models by name, for a `SimulatedServer`."""
    return {AGENT: functools.partial(act, key), REFLECTION: rewrite}


if __name__ == "__main__":
    serve(personas(scripts(examples_in(Path(sys.argv[1])))), {"BFCL_MODEL": AGENT})
