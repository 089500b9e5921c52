"""An assistant with a judge behind it, as the package's README builds one."""

from typing import Any

from langchain_openai import ChatOpenAI
from langgraph.graph import START, MessagesState, StateGraph
from pydantic import BaseModel, Field

JUDGE = """You judge answers. A good answer is short and right.

<answer>
{answer}
</answer>"""


class Verdict(BaseModel):
    """What the judge says of an answer."""

    good: bool = Field(description="Whether the answer may go out as it is.")
    advice: str = Field(description="What to change, in one sentence.")


def answer(state: MessagesState) -> dict[str, Any]:
    prompt = {"role": "system", "content": "Answer the question in one paragraph. Use no jargon."}
    return {"messages": [ChatOpenAI(model="simulated").invoke([prompt, *state["messages"]])]}


def judge(state: MessagesState) -> dict[str, Any] | None:
    model = ChatOpenAI(model="simulated").with_structured_output(Verdict)
    verdict = model.invoke(JUDGE.format(answer=state["messages"][-1].content))
    if verdict.good:
        return None
    return {"messages": [{"role": "user", "content": f"That will not do. Think again: {verdict.advice}"}]}


def graph() -> Any:
    # The package's submodule of judges wants pyright; only the graph is needed.
    from langgraph_reflection import create_reflection_graph

    assistant = StateGraph(MessagesState).add_node(answer).add_edge(START, "answer").compile()
    critic = StateGraph(MessagesState).add_node(judge).add_edge(START, "judge").compile()
    return create_reflection_graph(assistant, critic, MessagesState)
