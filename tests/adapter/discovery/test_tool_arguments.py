"""What describes the arguments of tools arrives when it is bound, alone and with the others, warm or cold."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Annotated, Any

import pytest
from langchain.agents import create_agent
from langchain_core.messages import AIMessage
from langchain_core.tools import BaseTool, StructuredTool, tool
from pydantic import BaseModel, Field

from langgraph_gepa.adapter.discovery.survey import survey


class Row(BaseModel):
    """One row of flowers."""

    place: int = Field(description="Where in the bed the row lies.")


class Bed(BaseModel):
    rows: list[Row] = Field(description="The rows to plant.")
    more: Row | None = Field(default=None, description="One more row.")


def decorated() -> Any:
    @tool
    def plant(bed: Annotated[str, "The bed's name."], rows: Annotated[list[Row], "The rows to plant."]) -> str:
        """Plants several rows at once."""
        return "done"

    return plant


def with_schema() -> Any:
    return StructuredTool.from_function(lambda **_: "done", name="plant", description="Plants rows.", args_schema=Bed)


def with_class() -> Any:
    class Plant(BaseTool):
        name: str = "plant"
        description: str = "Plants several rows at once."
        args_schema: Any = Bed

        def _run(self, **_: Any) -> str:
            return "done"

    return Plant()


def with_json() -> Any:
    place = {"type": "integer", "description": "Where in the bed the row lies."}
    rows = {
        "type": "array",
        "description": "The rows to plant.",
        "items": {"type": "object", "properties": {"n": place}},
    }
    schema = {"type": "object", "properties": {"rows": rows}}
    return StructuredTool(name="plant", description="Plants rows.", func=lambda **_: "done", args_schema=schema)


@pytest.mark.parametrize("warm", [False, True])
@pytest.mark.parametrize("make", [decorated, with_schema, with_class, with_json])
def test_every_description_arrives(echo: Any, make: Callable[[], Any], warm: bool) -> None:
    """LangChain keeps what it made of a tool's arguments; a copy's are its own, and the graph's stay as they were."""
    echo.reply = lambda _: AIMessage("fine")
    graph = create_agent(echo, [make()], system_prompt="You are a gardener.")

    def sent(one: Any) -> str:
        one.invoke({"messages": [("user", "hi")]})
        return json.dumps(echo.calls[-1][1])

    before = sent(graph) if warm else ""
    found = survey(graph, kinds=("tool", "schema"))
    marks = {module.name: f"ZQ{place}" for place, module in enumerate(found.modules)}
    for chosen in ([module] for module in found.modules):
        told = sent(found.bind({module.name: f"{module.text} {marks[module.name]}" for module in chosen}))
        assert [mark for mark in marks.values() if mark in told] == [marks[module.name] for module in chosen]
    together = sent(found.bind({module.name: f"{module.text} {marks[module.name]}" for module in found.modules}))
    assert all(mark in together for mark in marks.values())
    assert len(marks) >= 3
    assert not warm or sent(graph) == before
