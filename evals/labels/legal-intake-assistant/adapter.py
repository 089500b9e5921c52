"""A checkpointer in memory in place of the database; the model of another service by way of the loopback server."""

import contextlib
import os
import types
import uuid
from collections.abc import Iterator
from typing import Any

from langchain.agents import structured_output
from langchain_openai import ChatOpenAI
from langgraph.checkpoint.memory import InMemorySaver


class PostgresSaver:
    @staticmethod
    @contextlib.contextmanager
    def from_conn_string(_: str) -> Iterator[InMemorySaver]:
        yield InMemorySaver()


def prepare() -> None:
    import langgraph.checkpoint.postgres as postgres

    postgres.PostgresSaver = PostgresSaver
    # The tool that gives the answer its form is named by chance.
    structured_output.uuid = types.SimpleNamespace(uuid4=lambda: uuid.UUID(int=0))  # type: ignore[assignment]


def graph() -> Any:
    os.environ["OPENROUTER_API_KEY"] = "simulated"
    from workflow import nodes
    from workflow.graph import graph

    nodes.llm = ChatOpenAI(model="simulated", max_retries=0)
    return graph
