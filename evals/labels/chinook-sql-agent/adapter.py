"""The graph as the project's app builds it, with an empty database in memory."""

import json
import logging
import os
from typing import Any


def graph() -> Any:
    from agents import SQLAgent
    from db_knowledge import sql_examples
    from llm_clients import build_client
    from sqlalchemy import create_engine
    from utils import load_prompts

    client = build_client(url=os.environ["OPENAI_BASE_URL"], api_key="simulated", model="gpt-4o")
    prompts = load_prompts("default_prompts.json")
    agent = SQLAgent(client, 30, None, prompts, logging.getLogger("chinook"), sql_examples=sql_examples)
    agent.data_engine = create_engine("sqlite://")
    return agent.build()


def inputs() -> dict[str, Any]:
    columns = [{"name": "name", "description": "", "data_type": "TEXT", "examples": ["Ann"]}]
    tables = {"database": "SQLite", "tables": [{"name": "customer", "columns": columns}], "notes": None}
    question = "How many customers are there?"
    talk = [{"role": "user", "content": "Hello."}]
    return {"question": question, "messages": talk, "data_dictionary_json": json.dumps(tables)}
