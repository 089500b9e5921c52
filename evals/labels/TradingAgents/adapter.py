"""The graph as the project's own class builds it, over vendors that have no data."""

import tempfile
from typing import Any


def prepare() -> None:
    from tradingagents.dataflows import interface, reddit, stocktwits

    interface.route_to_vendor = lambda *_, **__: "No data."
    reddit.fetch_reddit_posts = lambda *_, **__: "No data."
    stocktwits.fetch_stocktwits_messages = lambda *_, **__: "No data."


def graph() -> Any:
    from tradingagents.default_config import DEFAULT_CONFIG
    from tradingagents.graph.trading_graph import TradingAgentsGraph

    folder = tempfile.mkdtemp()
    places = {"results_dir": folder, "data_cache_dir": folder, "memory_log_path": f"{folder}/log.md"}
    return TradingAgentsGraph(config={**DEFAULT_CONFIG, **places, "llm_provider": "openai", "backend_url": None}).graph


def inputs() -> dict[str, Any]:
    from tradingagents.graph.propagation import Propagator

    return Propagator().create_initial_state("NVDA", "2026-01-05")
