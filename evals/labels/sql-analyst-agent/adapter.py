"""The graph as the project's main builds it, over the database it comes with; OpenAI's client for Groq's."""

from pathlib import Path
from typing import Any

import openai
import yaml


def prepare() -> None:
    import groq

    groq.Groq = openai.OpenAI


def graph() -> Any:
    from src.agent.graph import SQLAgent
    from src.agent.nodes import WorkflowNodes
    from src.cache.schema_cache import SchemaCache
    from src.llm.groq_client import GroqClient
    from src.mcp.tools import DatabaseTools

    config = yaml.safe_load(Path("config.yaml").read_text(encoding="utf-8"))
    client = GroqClient(**{**config["groq"], "api_key": "simulated"})
    return SQLAgent(WorkflowNodes(client, DatabaseTools(config["database"]), SchemaCache())).graph


def inputs() -> dict[str, Any]:
    return {
        "user_question": "How many customers are there?", "messages": [], "identified_tables": [], "table_schemas": {},
        "generated_sql": None, "sql_attempts": 0, "query_results": None, "execution_error": None, "final_answer": None,
        "tokens_used": 0, "tokens_breakdown": {}, "workflow_step": "start", "should_retry": False,
        "needs_schema_fetch": False,
    }  # fmt: skip
