"""The graph with its models on loopback, one experience remembered, and no code run."""

from typing import Any


class Sandbox:
    def execute_code(self, **_: Any) -> dict[str, Any]:
        return {"success": True, "stdout": "fine", "stderr": "", "exit_code": 0}


def prepare() -> None:
    import langchain_groq
    import langchain_openai

    langchain_openai.ChatOpenAI = langchain_groq.ChatGroq
    from agents import pm, qa

    pm.experience_db.search_experience = lambda *_: ["Keep it small."]
    qa.get_sandbox = Sandbox


def graph() -> Any:
    from main import build_graph

    return build_graph().compile()
