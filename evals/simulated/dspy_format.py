"""Lets simulated models answer in the format of fields that DSPy speaks, so that DSPy's optimizers run on them as well.

A request of DSPy's names its fields and holds their values under markers; the models beside this file read the graphs'
own prompts instead. What DSPy asks is therefore put to a model in that form, and its reply put into DSPy's fields. The
demonstrations that DSPy adds are not read: these models learn nothing from examples.
"""

from __future__ import annotations

import functools
import json
import random
import re
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from langgraph_gepa.demo.lessons import HEADING, VAGUE, Habits, Lesson, reflect
from langgraph_gepa.demo.server import Answer, Persona, Request
from langgraph_gepa.demo.wire import text_of

OUTPUTS = re.compile(r"Your output fields are:\n(.*?)\nAll interactions", re.DOTALL)
OUTPUT = re.compile(r"^\d+\. `(\w+)`", re.MULTILINE)
OBJECTIVE = re.compile(r"your objective is: *\n(.*)", re.DOTALL)
FIELD = re.compile(
    r"^\[\[ ## (\w+) ## \]\]\n(.*?)(?=^\[\[ ## |^Respond with (?:a JSON object|the corresponding output fields)|\Z)",
    re.DOTALL | re.MULTILINE,
)
FENCED = re.compile(r"```\n(.*)\n```", re.DOTALL)
UNKNOWN = "Nothing more is known of it."


@dataclass(frozen=True, slots=True)
class Sheet:
    """What a request in DSPy's format holds: instructions, the inputs by name, and the name of the field to fill in."""

    instructions: str
    inputs: Mapping[str, str]
    output: str
    as_json: bool

    @classmethod
    def of(cls, request: Request) -> Sheet | None:
        """Reads a request; `None` for one that is not in DSPy's format."""
        outputs, objective = OUTPUTS.search(request.system), OBJECTIVE.search(request.system)
        if not outputs or not objective:
            return None
        asked = next(text_of(message) for message in reversed(request.messages) if message["role"] == "user")
        inputs = {name: value.strip() for name, value in FIELD.findall(asked)}
        output = OUTPUT.findall(outputs[1])[0]
        return cls(textwrap.dedent(objective[1]).strip(), inputs, output, "Respond with a JSON object" in asked)

    @property
    def prompt(self) -> str:
        """The request as the graphs put it: the instructions, then the inputs with their labels."""
        labelled = (f"{_label(name)}:{_space(value)}{value}" for name, value in self.inputs.items())
        return "\n\n".join([self.instructions, *labelled])

    def filled(self, text: str) -> Answer:
        if self.as_json:
            return Answer(json.dumps({self.output: text}, ensure_ascii=False))
        return Answer(f"[[ ## {self.output} ## ]]\n{text}\n\n[[ ## completed ## ]]")


def _label(name: str) -> str:
    """`summary1` as `Summary 1`."""
    return re.sub(r"(?<=[a-z])(?=\d)", " ", name.replace("_", " ")).capitalize()


def _space(value: str) -> str:
    return "\n" if "\n" in value else " "


def answering(persona: Persona) -> Persona:
    """The model, which answers a request in DSPy's format as it answers the same one in the graph's own."""

    @functools.wraps(persona)
    def answer(request: Request, rng: random.Random) -> Answer:
        sheet = Sheet.of(request)
        if sheet is None:
            return persona(request, rng)
        return sheet.filled(persona(_put(request, sheet.prompt), rng).text)

    return answer


def _put(request: Request, prompt: str) -> Request:
    return replace(request, messages=({"role": "user", "content": prompt},))


def reflecting(lessons: Sequence[Lesson]) -> Persona:
    """A reflection model that also writes instructions for DSPy's optimizers.

    GEPA's hold feedback, from which it learns as from our own. MIPROv2's hold none, so it guesses: some lessons of the
    program, for whichever module they are.
    """

    def answer(request: Request, rng: random.Random) -> Answer:
        sheet = Sheet.of(request)
        if sheet is None:
            return reflect(request, rng, lessons)
        if "examples_with_feedback" in sheet.inputs:
            return sheet.filled(_learnt(request, sheet.inputs, lessons, rng))
        if "basic_instruction" in sheet.inputs:
            return sheet.filled(_guessed(sheet.inputs["basic_instruction"], lessons, rng))
        return sheet.filled(UNKNOWN)

    return answer


def _learnt(request: Request, inputs: Mapping[str, str], lessons: Sequence[Lesson], rng: random.Random) -> str:
    text = inputs["current_instruction"]
    feedback = "\n".join(
        f"<feedback>{example['Feedback']}</feedback>" for example in json.loads(inputs["examples_with_feedback"])
    )
    reply = reflect(_put(request, f"<current_text>\n{text}\n</current_text>\n{feedback}"), rng, lessons).text
    fenced = FENCED.search(reply)
    return fenced[1] if fenced else text


def _guessed(text: str, lessons: Sequence[Lesson], rng: random.Random) -> str:
    habits = Habits()
    guesses = rng.sample(lessons, rng.randint(0, min(habits.at_most, len(lessons))))
    rules = [
        lesson.overreach if lesson.overreach and rng.random() < habits.overreach else rng.choice(lesson.phrasings)
        for lesson in guesses
    ]
    return text + HEADING + "\n".join(f"- {rule}" for rule in rules or [rng.choice(VAGUE)])
