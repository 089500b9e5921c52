"""A node that extracts with the package's extractor, which is itself a graph inside a sequence."""

from typing import Any, TypedDict

from langchain_openai import ChatOpenAI
from langgraph.graph import START, StateGraph
from pydantic import BaseModel, Field


class Preferences(BaseModel):
    """What the user likes."""

    drinks: list[str] = Field(description="Drinks the user likes, in singular.")


class Notes(TypedDict, total=False):
    text: str
    known: dict[str, Any]


def graph() -> Any:
    from trustcall import create_extractor

    extractor = create_extractor(ChatOpenAI(model="simulated"), tools=[Preferences], tool_choice="Preferences")

    def extract(state: Notes) -> Notes:
        asked = f"Extract what the user likes from this: {state['text']}"
        given = {"messages": [("user", asked)]}
        known = {"existing": state["known"]} if state.get("known") else {}
        return {"known": extractor.invoke({**given, **known})["responses"][0].model_dump()}

    return StateGraph(Notes).add_node("extract", extract).add_edge(START, "extract").compile()
