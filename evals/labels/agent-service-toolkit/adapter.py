"""The project's `core` needs a later Python and ten providers: its model and settings are simulated here.

Only the agent asked for is imported, not the package's list of all agents.
"""

import sys
import types
from pathlib import Path

from langchain_core.tools import StructuredTool
from strangers.standins import Standin


class Settings(Standin):
    DEFAULT_MODEL = "simulated"
    GROQ_API_KEY = "simulated"
    OPENWEATHERMAP_API_KEY = None


def _search(query: str) -> str:
    """Search the web."""
    return "[]"


def prepare() -> None:
    import langchain_community.tools
    from langchain.chat_models import init_chat_model

    langchain_community.tools.DuckDuckGoSearchResults = lambda name: StructuredTool.from_function(_search, name=name)
    core, agents = types.ModuleType("core"), types.ModuleType("agents")
    core.settings = Settings()  # type: ignore[attr-defined]
    core.get_model = lambda name: init_chat_model("openai:simulated")  # type: ignore[attr-defined]
    schema, models = types.ModuleType("schema"), types.ModuleType("schema.models")
    models.GroqModelName = Settings()  # type: ignore[attr-defined]
    agents.__path__ = [str(Path.cwd() / "src" / "agents")]
    sys.modules.update({"core": core, "agents": agents, "schema": schema, "schema.models": models})
