"""The agent as the project's function makes it. Its sandbox always fails, so that the code is mended once."""

from typing import Any

from langchain_openai import ChatOpenAI


def graph() -> Any:
    from ai_data_science_team.agents import data_cleaning_agent as agent

    agent.run_code_sandboxed_subprocess = lambda **_: (None, "It failed.")
    return agent.make_data_cleaning_agent(ChatOpenAI(model="simulated"))
