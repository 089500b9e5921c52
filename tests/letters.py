"""The graph that the tests of the package's calls and of the command line run on, copied to where a test works.

It sorts a letter and answers it. Its simulated model repeats its instructions, so the prompts
alone decide the score: a letter's answer is right when it has the words the reference asks for.
"""

from typing import Any

from langchain_openai import ChatOpenAI
from langgraph.graph import StateGraph
from langgraph.types import interrupt
from typing_extensions import TypedDict

from langgraph_gepa import Feedback

SORT = "Sort the letter."
ANSWER = "Answer {name}."

model = ChatOpenAI(model="simulated-clerk")


class Letter(TypedDict, total=False):
    name: str
    letter: str
    kind: str
    reply: str


def sort(letter: Letter) -> Letter:
    return {"kind": model.invoke([("system", SORT), ("user", letter["letter"])]).text}


def answer(letter: Letter) -> Letter:
    prompt = ANSWER.format(name=letter["name"])
    return {"reply": model.invoke([("system", prompt), ("user", letter["letter"])]).text}


async def sort_async(letter: Letter) -> Letter:
    return {"kind": (await model.ainvoke([("system", SORT), ("user", letter["letter"])])).text}


def ask(letter: Letter) -> Letter:
    return {"name": interrupt(f"Who wrote {letter['letter']!r}?")}


def shred(letter: Letter) -> Letter:
    return {"reply": "", "kind": letter["letter"]}


graph = StateGraph(Letter).add_sequence([sort, answer]).set_entry_point("sort").compile(name="letters")
sync_only = StateGraph(Letter).add_node("sort", sort).set_entry_point("sort").compile()
async_only = StateGraph(Letter).add_node("sort", sort_async).set_entry_point("sort").compile()
asking = StateGraph(Letter).add_sequence([ask, sort, answer]).set_entry_point("ask").compile()
mute = StateGraph(Letter).add_node("shred", shred).set_entry_point("shred").compile()


def score(outputs: dict[str, Any], reference_outputs: dict[str, Any]) -> Feedback:
    said = {"sort": outputs["kind"], "answer": outputs.get("reply", "")}
    missing = {module: word for module, word in reference_outputs.items() if word not in said[module]}
    return Feedback(1 - len(missing) / 2, by_module={name: f"must mention {word}" for name, word in missing.items()})


def broken(outputs: dict[str, Any]) -> float:
    return outputs["no such key"]


def silent(outputs: dict[str, Any]) -> None:
    """Forgets to return the score."""
