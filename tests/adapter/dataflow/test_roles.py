"""What is on: the texts that steer. What fills them, frames data, is returned, compared or sent elsewhere is off."""

from __future__ import annotations

import importlib
from datetime import datetime
from typing import Any, TypedDict

import pytest
from langchain_core.messages import HumanMessage, SystemMessage
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.tools import tool
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode, create_react_agent
from pydantic import BaseModel

from langgraph_gepa import bind, discover
from langgraph_gepa.adapter.dataflow import roles, wording
from langgraph_gepa.adapter.dataflow.uses import carried
from langgraph_gepa.core.module import Module, Off


class State(TypedDict, total=False):
    question: str
    tone: str
    answer: str


def found(node: Any) -> dict[str, Module]:
    graph = StateGraph(State).add_node("node", node).add_edge(START, "node").compile()
    return {module.text: module for module in discover(graph)}


def off(node: Any) -> dict[str, Off | None]:
    return {text: module.off for text, module in found(node).items()}


MONDAY = {"06:00-12:00": "Ann walks along the river and reads.", "12:00-06:00": "Ann writes letters to her friends."}
TUESDAY = {"06:00-12:00": "Ann swims in the lake behind the house."}
WEEK = {0: MONDAY, 1: TUESDAY}
TONES = {
    "kind": "Answer as a kind friend would, in short sentences.",
    "dry": "Answer as a judge does, without a smile.",
}
RULES = "Never name a price. Never promise a date."
DONE = "THAT IS ALL"
ANN = ChatPromptTemplate.from_messages(
    [("system", "You are Ann and answer as she would.\n{now}"), ("human", "Question: {q}")]
)


def current() -> str | None:
    for activity in WEEK.get(datetime.now().weekday() % 2, {}).values():
        return activity
    return None


def test_a_table_read_by_the_clock_is_one_row_and_off(echo: Any) -> None:
    """Values that a computed key picks for a placeholder are data, and the label around the question only a frame."""

    def node(state: State) -> None:
        (ANN | echo).invoke({"now": current(), "q": state["question"]})

    modules = found(node)
    assert [module.text for module in modules.values() if module.on] == ["You are Ann and answer as she would.\n{now}"]
    assert {module.table for module in modules.values() if module.off is Off.TABLE} == {"week"}
    assert sum(module.off is Off.TABLE for module in modules.values()) == 3
    assert modules["Question: {q}"].off is Off.FRAME


def test_a_table_of_whole_messages_steers(echo: Any) -> None:
    """Where what a key picks is all that the model is told, the entries are prompts; inserted they are values."""

    def whole(state: State) -> None:
        echo.invoke([SystemMessage(TONES[state["tone"]]), HumanMessage(state["question"])])

    def between_labels(state: State) -> None:
        echo.invoke(f"{TONES[state['tone']]}\n\nQuestion: {state['question']}")

    def inserted(state: State) -> None:
        echo.invoke(f"You answer letters. {TONES[state['tone']]} Answer this one: {state['question']}")

    assert all(module.on for module in found(whole).values())
    assert off(between_labels) == {**dict.fromkeys(TONES.values()), "{TONES}\n\nQuestion: {question}": Off.FRAME}
    assert [off(inserted)[text] for text in TONES.values()] == [Off.TABLE, Off.TABLE]


def test_what_is_put_in_always_steers_and_what_stands_in_for_data_does_not(echo: Any) -> None:
    """Rules are a part of the prompt; a fallback for missing data, an error and a default of the state are values."""

    def node(state: State) -> State:
        known = state.get("answer") or "Nothing was found that is about this question."
        try:
            counted = len(state["question"])
        except TypeError as error:
            counted = f"The question could not be counted because of {error}, so it was left out."
        echo.invoke(f"You answer letters in a friendly way. {RULES} Known is: {known}. Counted: {counted}")
        return {}

    reasons = off(node)
    assert reasons[RULES] is None
    assert reasons["Nothing was found that is about this question."] is Off.FILLING
    assert reasons["The question could not be counted because of {error}, so it was left out."] is Off.OUTPUT


def test_a_word_that_an_answer_is_compared_with_is_a_protocol(echo: Any) -> None:
    """The code looks for it in the reply: to change it would change what the program does."""

    def node(state: State) -> State:
        reply = echo.invoke(f"Answer the letter. Say {DONE} when there is nothing left to say.").text
        return {"answer": "" if "Nothing is left to be done here now." in reply else reply}

    def prompted(state: State) -> State:
        end = "Nothing is left to be done here now."
        reply = echo.invoke(f"Answer the letter. At the end say this: {end}").text
        return {"answer": "" if end in reply else reply}

    assert [module.text for module in found(node).values() if module.on] == [
        "Answer the letter. Say {DONE} when there is nothing left to say."
    ]
    assert off(prompted)["Nothing is left to be done here now."] is Off.PROTOCOL


def painted(style: str, echo: Any) -> str:
    if style == "oil":
        return "Describe the picture as a painter in oil would describe it."
    return "Describe the picture as a photographer would describe it."


def test_a_branch_that_no_constant_argument_leads_to_is_not_listed_as_on(echo: Any) -> None:
    """Every call says what the parameter is, so the other branch reaches no model."""

    def node(state: State) -> None:
        echo.invoke(painted("oil", echo))

    on = {module.text for module in found(node).values() if module.on}
    assert on == {"Describe the picture as a painter in oil would describe it."}


def test_what_goes_to_an_image_service_is_no_prompt_of_this_graph(echo: Any) -> None:
    """A client's images, embeddings and other deployments are no language model of the graph."""

    def node(state: State, client: Any = None) -> None:
        echo.invoke("Describe the garden in one short sentence.")
        client.images.generate(prompt=f"A garden in spring, painted in soft colours: {state['question']}.")
        client.runs.create("id", input={"messages": [{"role": "user", "content": "Ask the other agent about it."}]})
        task = {"messages": [{"role": "user", "content": f"Tell the other agent what was said: {state['question']}."}]}
        client.runs.create("id", input=task)
        kept = [{"role": "user", "content": "Describe the garden for the archive and for us."}]
        client.runs.create("id", input=kept)
        echo.invoke(kept)

    modules = found(node)
    assert [text for text, module in modules.items() if module.on] == [
        "Describe the garden in one short sentence.",
        "Describe the garden for the archive and for us.",
    ]
    assert modules["Ask the other agent about it."].off is Off.ELSEWHERE
    assert modules["Tell the other agent what was said: {question}."].off is Off.ELSEWHERE


class Answer(BaseModel):
    """The answer."""

    text: str


@pytest.mark.filterwarnings("ignore:create_react_agent has been moved")
def test_the_prompt_beside_a_response_schema_is_found_and_bound(echo: Any) -> None:
    """`response_format=(prompt, Schema)` tells the last call what to do."""
    instruction = "Set the status to done when the request is complete."
    graph = create_react_agent(
        echo, [], prompt="You answer questions about bees.", response_format=(instruction, Answer)
    )
    module = {one.text: one for one in discover(graph)}[instruction]
    assert module.on
    assert bind(graph, {module.name: "Set nothing."}) is not graph


SYSTEM = SystemMessage("You sum up what was found out, in three sentences.")


def in_variables(model: Any, state: State) -> None:
    found = f"Results of the search:\n{state['question']}"
    found += f"\n\nPictures: {state['tone']}"
    model.invoke([SYSTEM, HumanMessage(content=found)])


def in_messages(model: Any, state: State) -> None:
    system = ("system", "You sum up what was found out, in three sentences.")
    human = HumanMessage(f"Results of the search:\n{state['question']}\n\nPictures: {state['tone']}")
    model.invoke([system, human])


def in_a_list(model: Any, state: State) -> None:
    parts = [f"User question: {state['question']}", f"Tone: {state['tone']}"]
    parts.append(f"Last answer:\n{state['answer']}")
    model.invoke([SYSTEM, HumanMessage(content="\n\n".join(parts))])


def in_the_join(model: Any, state: State) -> None:
    model.invoke(
        [SYSTEM, {"role": "user", "content": "\n".join([f"问题：{state['question']}", f"Tone: {state['tone']}"])}]
    )


def in_a_generator(model: Any, state: State) -> None:
    questions = "\n".join(f"Question: {one}" for one in state["question"])
    model.invoke([SYSTEM, HumanMessage(questions or "（初始狀態，尚無任何進展）")])


@pytest.mark.parametrize("way", [in_variables, in_messages, in_a_list, in_the_join, in_a_generator])
def test_a_label_is_one_by_way_of_variables_too(way: Any, echo: Any) -> None:
    """What the message beside the system's says of the data is a frame, wherever both were written."""
    texts = off(lambda state: way(echo, state))
    assert {text.split()[0] for text, why in texts.items() if why is None} == {"You"}
    assert {why for text, why in texts.items() if not text.startswith("You")} == {Off.FRAME}


class Review(BaseModel):
    fixes: list[str]


def test_what_its_author_calls_a_prompt_steers_among_data_too(echo: Any) -> None:
    """Put into a list that a model fills in other calls, it is on where it instructs at length; its twin is data."""

    def node(state: State) -> None:
        review = echo.with_structured_output(Review).invoke(f"Review this draft with care: {state['question']}")
        if state["tone"]:
            extend_prompt = (
                f"The draft has {state['tone']} words. Add more depth to thin sections, and examples. "
                "Do not add filler: every paragraph that you add must say something new."
            )
            note = "The draft was too short for the editor, who asked for more depth. It goes back to the writer now."
            review = Review(fixes=[extend_prompt, note])
        listed = "\n".join(["Fixes:", *[f"- {one}" for one in review.fixes]])
        echo.invoke(f"You edit an article and leave nothing out. {listed}")

    found = off(node)
    assert {text.split()[2]: why for text, why in found.items() if text.startswith("The")} == {
        "has": None,
        "was": Off.FILLING,
    }


class Search:
    def invoke(self, query: str) -> list[dict[str, str]]:
        return [{"url": query, "content": "The museum is closed on Mondays and in August."}]


class Guide:
    async def ainvoke(self, query: str) -> str:
        return "Walk through the garden first, and then go upstairs."


SEARCH, GUIDE = Search(), Guide()


@tool
def opening_hours(query: str) -> str:
    """Tells when the museum is open."""
    if not query:
        return "No question was asked, so no page was looked for."
    return "\n".join(f"<page {one['url']}>{one['content']}</page>" for one in SEARCH.invoke(query))


@tool
async def ways(query: str) -> str:
    """Tells the way."""
    return await GUIDE.ainvoke(query)


def test_what_a_tool_finds_is_an_output_whatever_its_words(echo: Any) -> None:
    """An object of the user's that is called like a chain is a search or a service, not the model called the same."""
    model = echo.bind_tools([opening_hours, ways])

    def node(state: MessagesState) -> dict[str, Any]:
        return {"messages": [model.invoke([("system", "Be kind to everybody."), *state["messages"]])]}

    graph = StateGraph(MessagesState).add_node("node", node).add_node("tools", ToolNode([opening_hours, ways]))
    graph.add_edge(START, "node").add_edge("node", "tools")
    found = {module.text: module for module in discover(graph.compile())}
    assert [text for text, module in found.items() if module.on] == ["Be kind to everybody."]
    assert found["No question was asked, so no page was looked for."].off is Off.OUTPUT


def a_lone_label(model: Any, state: State) -> None:
    human = HumanMessage(f"Sum this up in one sentence: {state['question']}. Name no names.")
    system = SystemMessage(content=f"Today is {state['tone']}.")
    model.invoke([system, human])


def an_instruction_in_a_list(model: Any, state: State) -> None:
    parts = ["Answer in one sentence, and name your source.", f"Question: {state['question']}"]
    model.invoke([SystemMessage("Today is Monday"), HumanMessage("\n".join(parts))])


@pytest.mark.parametrize("way", [a_lone_label, an_instruction_in_a_list])
def test_what_instructs_stays_on_beside_another(way: Any, echo: Any) -> None:
    """A sentence that asks for something is no label, whatever variable holds it."""
    assert None in off(lambda state: way(echo, state)).values()


@pytest.mark.parametrize(
    ("text", "frames"),
    [
        ("Question: {q}", True),
        ("**Draft {n}:**\n{x}", True),
        ("# Research\n\n## Task\n\n{task}", True),
        ("<document>{text}</document>", True),
        ("When executing {tool}\nThe result was {result}", True),
        ("任务:\n{task}\n\n当前报告：\n{report}\n\n评审反馈:\n{review}\n\n可用证据:\n{docs}", True),
        ("=== 先前的歷史摘要 ===\n{history}\n\n=== 新的對話記錄（需壓縮） ===\n{talk}", True),
        ("【研究任务】\n{task}", True),
        ("（初始狀態，尚無任何進展）", True),
        ("Background:\n{a}\n\nWhat was found out until now:\n{b}\n\nWhat is still open:\n{c}", True),
        ("Reflect on what you know:\n===\n{known}\n===\nAnd now name a gap and say what to look for in it:", False),
        ("<Old>\n{a}\n\n<New>\n{b}\nNow sum up what is new in all of this, on the subject:\n{d}", False),
        ("（请只用一句话回答，不要编造事实。）\n{task}", False),
        ("规则：\n简洁\n准确\n引用来源\n不要编造\n用中文\n{task}", False),
        ("Answer {q} in one short sentence", False),
        ("Ask for the news of this company, such as:\n- New products\n- New partners\n- New owners", False),
        ("That will not do. Think again: {advice}", False),
        ("Here is what you know:\n{known}\nUse nothing else.", False),
    ],
)
def test_labels_frame_data_and_sentences_instruct(text: str, frames: bool) -> None:
    """A line of labels says what the data are; a sentence says what to do with them."""
    assert wording.frames(text, "format") is frames


def test_the_way_to_the_model_decides_the_use() -> None:
    """A step back into a placeholder, through a computed key, the state or a tool changes what a text is there."""
    assert carried("prompt", "in") == "inserted"
    assert carried("inserted", "same", "pick") == "table"
    assert carried("prompt", "same", "pick") == "option"
    assert carried("inserted", "same", "state") == "output"
    assert carried("compared", "made") is None
    assert roles.off(roles.Text("Answer kindly."), frozenset({"prompt"})) is None
    assert roles.off(roles.Text("Unknown Company"), frozenset({"inserted"})) is Off.FILLING


def test_a_value_of_a_file_that_fills_a_placeholder_is_found(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a node reads from yaml and puts into its prompt is listed before anything runs."""
    (tmp_path / "pyproject.toml").touch()
    (tmp_path / "config.yaml").write_text("background: The shop sells bicycles and repairs them on the same day.\n")
    (tmp_path / "reading_shop.py").write_text(
        "from pathlib import Path\nimport yaml\nfrom langchain_openai import ChatOpenAI\n"
        "model = ChatOpenAI(model='m', api_key='x')\n"
        "def node(state):\n"
        "    with open(Path(__file__).parent / 'config.yaml') as file:\n"
        "        config = yaml.safe_load(file)\n"
        "    model.invoke(f\"You answer letters for a shop. {config['background']} Answer: {state['question']}\")\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    module = importlib.import_module("reading_shop")
    assert any(text.startswith("The shop sells") for text in found(module.node))


BE_KIND = "Be very kind."
NAME_IT = "Name the town"


def test_three_words_in_an_f_string_are_listed(echo: Any) -> None:
    """A sentence steers however short it is; whether a phrase does is the user's to say."""

    def node(state: State) -> State:
        echo.invoke(f"{BE_KIND} {state['question']}")
        return {"answer": echo.invoke(f"{NAME_IT} {state['question']}").text}

    assert off(node) == {BE_KIND: None, NAME_IT: Off.FILLING}
