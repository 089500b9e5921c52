"""The team as the project's own class builds it. The package that searches and calls models is stood in for."""

import json
import sys
import tempfile
import types
from typing import Any

from langchain_openai import ChatOpenAI
from strangers.standins import Standin


class GPTResearcher(Standin):
    async def conduct_research(self) -> None:
        return

    async def write_report(self) -> str:
        return "A report."


async def create_chat_completion(messages: list[Any], **_: Any) -> str:
    reply = await ChatOpenAI(model="simulated").ainvoke(messages)
    return str(reply.content)


def _module(name: str, **names: Any) -> None:
    made = types.ModuleType(name)
    made.__dict__.update(names)
    made.__path__ = []
    sys.modules[name] = made


def prepare() -> None:
    _module("gpt_researcher", GPTResearcher=GPTResearcher)
    _module("gpt_researcher.config")
    _module("gpt_researcher.config.config", Config=Standin)
    _module("gpt_researcher.utils")
    _module("gpt_researcher.utils.llm", create_chat_completion=create_chat_completion)
    _module("langchain_community")
    _module("langchain_community.adapters")
    _module("langchain_community.adapters.openai", convert_openai_messages=lambda messages: messages)
    _module("json_repair", loads=json.loads)


def graph() -> Any:
    from multi_agents.agents import ChiefEditorAgent, human

    human.input = lambda _: "no"
    ChiefEditorAgent._create_output_directory = lambda self: tempfile.mkdtemp()
    return ChiefEditorAgent({"query": "Tea"}).init_research_team().compile()


def inputs() -> dict[str, Any]:
    task = {
        "query": "Tea", "max_sections": 1, "follow_guidelines": True, "guidelines": ["Be brief."], "verbose": False,
        "include_human_feedback": True, "model": "simulated", "publish_formats": {},
    }  # fmt: skip
    return {"task": task, "human_feedback": "More about leaves."}
