"""Two tools of a server of maps; settings."""

from typing import Any

from langchain_core.tools import StructuredTool


async def maps_text_search(keywords: str) -> str:
    return '[{"name": "Palace"}]'


async def maps_weather(city: str) -> str:
    return '[{"date": "2026-06-01", "day_weather": "sunny"}]'


async def load_mcp_tools(**_: Any) -> list[StructuredTool]:
    server = (maps_text_search, maps_weather)
    return [StructuredTool.from_function(coroutine=one, description="A tool of the server.") for one in server]


def prepare() -> None:
    import langchain_mcp_adapters.tools as tools

    tools.load_mcp_tools = load_mcp_tools


def graph() -> Any:
    from app.config import get_settings

    get_settings().amap_api_key = "simulated"
    from app.workflows.trip_planner_graph import TripPlannerWorkflow

    return TripPlannerWorkflow().graph


def wishes() -> dict[str, Any]:
    return _state(preferences=["museums"], free_text_input="More museums")


def no_wishes() -> dict[str, Any]:
    return _state()


def _state(**more: Any) -> dict[str, Any]:
    from app.models.schemas import TripRequest
    from app.workflows.trip_planner_state import create_initial_state

    days = {"start_date": "2026-06-01", "end_date": "2026-06-02", "travel_days": 2}
    request = TripRequest(city="Beijing", transportation="train", accommodation="cheap", **days, **more)
    return dict(create_initial_state(request))
