"""The assistant's inputs that are no plain JSON, and the prompts it keeps in a store."""

from typing import Any


def reflection() -> dict[str, Any]:
    return {
        "messages": [{"role": "user", "content": "Write shorter mails."}],
        "prompt_types": ["tone", "email", "background", "calendar"],
        "feedback": "Too long.",
        "assistant_key": "assistant",
    }


async def seed(store: Any) -> None:
    for key in ("rewrite_instructions", "random_preferences", "response_preferences", "schedule_preferences"):
        await store.aput(("assistant",), key, {"data": "Be brief."})


def prepare() -> None:
    """The project imports from where LangChain no longer has it; its mail box lets everybody in."""
    import sys
    import types

    import pydantic
    from langgraph import prebuilt

    agent = types.ModuleType("langchain.agents.react.agent")
    agent.create_react_agent = prebuilt.create_react_agent  # type: ignore[attr-defined]
    sys.modules["langchain_core.pydantic_v1"] = pydantic
    sys.modules.update({"langchain.agents.react": types.ModuleType("react"), "langchain.agents.react.agent": agent})

    from eaia import gmail
    from strangers.standins import Standin

    async def credentials(*_: Any) -> Standin:
        return Standin()

    gmail.get_credentials = credentials
