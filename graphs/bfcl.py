"""A ReAct agent over the tools of BFCL's multi-turn tasks: files, tickets, trading, travel, vehicles, messages.

    converse    one run of the agent for each scripted turn of the user; a turn ends when no more tools are called

The tools are the methods of the classes that come with the Berkeley Function Calling Leaderboard, version 4, under the
descriptions it gives them. Invoke the graph with the inputs of an example of `evals/bfcl.py`. Each rollout makes
instances of its own, which nothing but its tools reaches. The final state holds the `calls`, by turn and step, and the
`replies`. It runs on any chat model that can call tools (`BFCL_MODEL`, as `init_chat_model` names them).
"""

import copy
import json
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from importlib import import_module, resources
from typing import Any, TypedDict

from langchain.agents import create_agent
from langchain.agents.middleware import ModelCallLimitMiddleware, ModelRequest, ModelResponse, wrap_model_call
from langchain.chat_models import init_chat_model
from langchain.tools import ToolRuntime
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AnyMessage, HumanMessage
from langchain_core.tools import StructuredTool
from langgraph.graph import START, StateGraph
from langgraph.graph.state import CompiledStateGraph

try:
    from bfcl_eval.constants.default_prompts import MAXIMUM_STEP_LIMIT
    from bfcl_eval.constants.executable_backend_config import (
        CLASS_FILE_PATH_MAPPING,
        MULTI_TURN_FUNC_DOC_FILE_MAPPING,
        STATELESS_CLASSES,
    )
    from bfcl_eval.constants.type_mappings import GORILLA_TO_OPENAPI
except ImportError as error:
    raise ImportError(
        f"The tools of this graph are not installed ({error}). Run: "
        "pip install --no-deps bfcl-eval==2026.3.23 && pip install mpmath"
    ) from error

PROMPT = "You are an assistant with tools. Do what the user asks."

CLASSES = (
    "GorillaFileSystem",
    "MathAPI",
    "MessageAPI",
    "TicketAPI",
    "TradingBot",
    "TravelAPI",
    "TwitterAPI",
    "VehicleControlAPI",
)
"""Those of the multi-turn tasks. The package has others, which reach the network or the disk."""


class Task(TypedDict, total=False):
    """`turns` are the user's messages. The model is offered the tools of `classes`, those in `held_back` (number of a
    turn -> names) from that turn on. `initial_config` is what the instances start from, by class."""

    turns: list[str]
    classes: list[str]
    initial_config: dict[str, Any]
    long_context: bool
    held_back: dict[str, list[str]]
    calls: list[list[list[dict[str, Any]]]]
    replies: list[str]


def documents(name: str) -> list[dict[str, Any]]:
    """The official descriptions of the tools of a class, in the package's own dialect of JSON schema."""
    file = resources.files("bfcl_eval") / "data" / "multi_turn_func_doc" / MULTI_TURN_FUNC_DOC_FILE_MAPPING[name]
    return [json.loads(line) for line in file.read_text("utf-8").splitlines()]


DOCUMENTS = {name: documents(name) for name in CLASSES}


@dataclass(frozen=True, slots=True)
class World:
    """What the tools of one rollout work on: bound methods by the tool's name. `offered` are the tools at hand now."""

    methods: Mapping[str, Callable[..., Any]]
    offered: frozenset[str]

    @classmethod
    def of(cls, task: Task) -> "World":
        """New instances, as the task begins."""
        methods = dict[str, Callable[..., Any]]()
        for name in task["classes"]:
            instance = instance_of(name, task)
            methods |= {document["name"]: getattr(instance, document["name"]) for document in DOCUMENTS[name]}
        held_back = {tool for tools in task.get("held_back", {}).values() for tool in tools}
        return cls(methods, frozenset(methods.keys() - held_back))

    def call(self, tool: str, arguments: Mapping[str, Any]) -> str:
        """What the tool returns, or why it failed, in the words of the official harness."""
        if tool not in self.methods:
            return f"Error during execution: name '{tool}' is not defined"
        try:
            result = self.methods[tool](
                **copy.deepcopy(dict(arguments))
            )  # tools keep what they are given, and alter it
            return (
                result if isinstance(result, str) else json.dumps(result) if isinstance(result, dict) else str(result)
            )
        except Exception as error:  # noqa: BLE001 - whatever a model's arguments lead to is news for the model
            return f"Error during execution: {error}"


def instance_of(name: str, task: Task) -> Any:
    if name not in CLASSES:
        raise ValueError(f"There is no class {name!r} of tools here; there are {', '.join(CLASSES)}.")
    instance = getattr(import_module(CLASS_FILE_PATH_MAPPING[name]), name)()
    if name not in STATELESS_CLASSES:
        config = copy.deepcopy(task.get("initial_config", {}).get(name, {}))
        instance._load_scenario(config, long_context=task.get("long_context", False))
    return instance


def tool_of(document: Mapping[str, Any]) -> StructuredTool:
    """A tool that calls the method of its name on the instances of the rollout that it is called in."""

    def call(runtime: ToolRuntime[World], **arguments: Any) -> str:
        return runtime.context.call(document["name"], arguments)

    return StructuredTool(
        name=document["name"],
        description=document["description"],
        args_schema=json_schema(document["parameters"]),
        func=call,
    )


def json_schema(parameters: Any) -> Any:
    """A schema in the package's dialect (`dict`, `float`, ...) as JSON schema."""
    if isinstance(parameters, list):
        return [json_schema(item) for item in parameters]
    if not isinstance(parameters, dict):
        return parameters
    schema = {key: json_schema(value) for key, value in parameters.items()}
    kind = schema.get("type")
    return schema | {"type": GORILLA_TO_OPENAPI.get(kind, kind)} if isinstance(kind, str) else schema


@wrap_model_call
def offer(request: ModelRequest[World], handler: Callable[[ModelRequest[World]], ModelResponse]) -> ModelResponse:
    """Shows the model the tools that the task offers at this turn, of all that there are."""
    offered = request.runtime.context.offered
    return handler(request.override(tools=[tool for tool in request.tools if tool.name in offered]))


def converse(agent: CompiledStateGraph[Any, Any, Any, Any], task: Task) -> Task:
    """Plays the user's turns. A turn with too many steps is the last, as in the official harness."""
    world = World.of(task)
    messages, calls, replies = list[AnyMessage](), list[list[list[dict[str, Any]]]](), list[str]()
    for turn, words in enumerate(task["turns"]):
        world = replace(world, offered=world.offered | set(task.get("held_back", {}).get(str(turn), ())))
        before = [*messages, HumanMessage(words)]
        in_order = {"max_concurrency": 1}  # calls of one step share their state: one after the other, as they were made
        messages = agent.invoke({"messages": before}, in_order, context=world)["messages"]
        calls.append(list(steps(messages[len(before) :])))
        replies.append(messages[-1].text)
        if len(calls[-1]) > MAXIMUM_STEP_LIMIT:
            break
    return {"calls": calls, "replies": replies}


def steps(messages: list[AnyMessage]) -> Iterator[list[dict[str, Any]]]:
    """The tool calls of each message that makes any."""
    for message in messages:
        if isinstance(message, AIMessage) and message.tool_calls:
            yield [{"name": call["name"], "arguments": call["args"]} for call in message.tool_calls]


def build(model: BaseChatModel) -> CompiledStateGraph[Any, Any, Any, Any]:
    """The agent, run turn by turn, on any chat model that can call tools."""
    agent = create_agent(
        model,
        [tool_of(document) for documents in DOCUMENTS.values() for document in documents],
        system_prompt=PROMPT,
        context_schema=World,
        middleware=[offer, ModelCallLimitMiddleware(run_limit=MAXIMUM_STEP_LIMIT + 1)],
        name="agent",
    )
    return (
        StateGraph(Task).add_node("converse", partial(converse, agent)).add_edge(START, "converse").compile(name="bfcl")
    )


graph = build(
    init_chat_model(
        os.environ.get("BFCL_MODEL", "openai:gpt-4.1-mini"),
        api_key=os.environ.get("OPENAI_API_KEY", "not set"),  # so that the graph can be looked at without a key
    )
)
