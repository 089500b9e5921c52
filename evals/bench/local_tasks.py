"""Two small tasks that a 135M model can do with the right prompts, and one on which no prompt can help.

All examples are invented. `orders` and `cities` are graphs of two nodes with a prompt each; the metric marks each
node's answer and says in words what is wrong with it. The score of the null task is drawn from the reply by a hash: it
depends on the prompts, so that scores differ between candidates, but no prompt is better than another.

`proposals` are texts that a person wrote before any search was run, good and bad ones mixed. A `bank` gives them out
as a reflection model would: it finds the module by its current text and draws blindly. It reads no records.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any, TypedDict

from langchain_core.language_models import BaseChatModel
from langgraph.graph import START, StateGraph

from langgraph_gepa import Feedback

Example = dict[str, Any]
SHORT = 8
"""Words up to which an answer is short."""

FIND_NUMBER = "Read the message of the customer."
CONFIRM = "Write one sentence that thanks the customer and names the order number."
FIND_CITY = "Say where this happens."
NAME_COUNTRY = "Think about the city."
REMARK_ON = "Make a remark about the word."

MODULES = {"number": "find_number", "confirmation": "confirm", "city": "find_city", "country": "name_country"}
"""The module behind each field that the metric marks."""


class State(TypedDict, total=False):
    """`message`, `sentence` and `word` are inputs; the rest is what the nodes answered."""

    message: str
    number: str
    confirmation: str
    sentence: str
    city: str
    country: str
    word: str
    remark: str


@dataclass(frozen=True, slots=True)
class Task:
    """A graph over a model, its metric, examples for training, validation and test, and human-written proposals.

    `proposals` holds the texts for each module, by the text that the module has in the graph.
    """

    name: str
    graph: Callable[[BaseChatModel], Any]
    metric: Callable[..., Feedback]
    sets: tuple[list[Example], list[Example], list[Example]]
    proposals: Mapping[str, tuple[str, ...]]


def orders_graph(model: BaseChatModel) -> Any:
    """number -> confirmation."""

    def number(state: State) -> State:
        return {"number": first_line(model.invoke(f"{FIND_NUMBER}\n\nMessage: {state['message']}\nOrder:").text)}

    def confirmation(state: State) -> State:
        return {"confirmation": first_line(model.invoke(f"{CONFIRM}\n\n{state['number']}\nReply:").text)}

    return StateGraph(State).add_sequence([number, confirmation]).add_edge(START, "number").compile(name="orders")


def cities_graph(model: BaseChatModel) -> Any:
    """city -> country."""

    def city(state: State) -> State:
        return {"city": first_line(model.invoke(f"{FIND_CITY}\n\nSentence: {state['sentence']}\nCity:").text)}

    def country(state: State) -> State:
        return {"country": first_line(model.invoke(f"{NAME_COUNTRY}\n\n{state['city']}\nAnswer:").text)}

    return StateGraph(State).add_sequence([city, country]).add_edge(START, "city").compile(name="cities")


def null_graph(model: BaseChatModel) -> Any:
    def remark(state: State) -> State:
        return {"remark": model.invoke(f"{REMARK_ON}\n\nWord: {state['word']}").text}

    return StateGraph(State).add_node("remark", remark).add_edge(START, "remark").compile(name="null")


def first_line(text: str) -> str:
    return text.strip().partition("\n")[0]


def mark(answer: str, fact: str) -> tuple[float, str]:
    """Marks an answer: 1 with the fact in few words, 0.5 with the fact in more, 0 without; and says so in words."""
    if not re.search(rf"(?<!\w){re.escape(fact)}(?!\w)", answer, re.IGNORECASE):
        return 0.0, f"{fact!r} was expected, and is not in the answer: {answer!r}"
    length = len(answer.split())
    if length > SHORT:
        return 0.5, f"{fact!r} is in it, but the answer has {length} words and may have {SHORT}: {answer!r}"
    return 1.0, "Right."


def facts_metric(outputs: Mapping[str, Any], reference_outputs: Mapping[str, str]) -> Feedback:
    """The mean mark of the fields of the reference outputs, each of which is the fact that the field must state."""
    marks = {field: mark(outputs[field], fact) for field, fact in reference_outputs.items()}
    return Feedback(
        sum(value for value, _ in marks.values()) / len(marks),
        " ".join(f"{field}: {words}" for field, (_, words) in marks.items()),
        by_module={MODULES[field]: words for field, (_, words) in marks.items()},
    )


def null_metric(seed: int) -> Callable[..., Feedback]:
    """Scores a word and its reply by a hash: fixed for both, and alike in distribution for all prompts.

    Each `seed` is another hash, so that runs with different ones are independent.
    """

    def metric(inputs: Mapping[str, Any], outputs: Mapping[str, Any]) -> Feedback:
        drawn = hashlib.sha256(f"{seed}\n{inputs['word']}\n{outputs['remark']}".encode()).digest()
        return Feedback(int.from_bytes(drawn[:6], "big") / 2**48, "The remark was rated by readers.")

    return metric


def bank(task: Task, seed: int) -> Callable[[str], str]:
    """Returns the task's human-written proposals as a reflection model: a function from prompt to reply."""

    def propose(prompt: str) -> str:
        current = current_text(prompt)
        texts = next((set(texts) | {own} for own, texts in task.proposals.items() if current in {own, *texts}), None)
        if texts is None:
            raise ValueError(f"No module of {task.name} has the text {current!r}")
        untried = sorted(text for text in texts if f"\n{text}\n" not in prompt)
        return f"```\n{Random(f'{seed}:{prompt}').choice(untried)}\n```" if untried else "NO CHANGE"

    return propose


def current_text(prompt: str) -> str:
    found = re.search(r"<current_text>\n(.*?)\n</current_text>", prompt, re.DOTALL)
    return found[1] if found else ""


def split(rows: Sequence[Example], size: int, held_out: int) -> tuple[list[Example], list[Example], list[Example]]:
    """Draws `size` rows each for training and validation and `held_out` for the test, the same ones each time."""
    drawn = Random(0).sample(rows, 2 * size + held_out)
    return drawn[:size], drawn[size : 2 * size], drawn[2 * size :]


ITEMS = ("tent", "lamp", "stove", "jacket", "rope", "map", "backpack", "kettle", "blanket", "compass", "bottle")
COMPLAINTS = (
    "Hello, I ordered a {item} under the number {number} and a part is missing.",
    "Good morning, order {number} came today, but the {item} is too small.",
    "My {item} from order {number} smells strange.",
    "When will order {number} arrive? I need the {item} on Friday.",
)
PLACES = (
    "Paris France, Hamburg Germany, Lisbon Portugal, Dublin Ireland, Cairo Egypt, Athens Greece, Osaka Japan, "
    "Oslo Norway, Rome Italy, Madrid Spain, Vienna Austria, Warsaw Poland, Budapest Hungary, Prague Czech, "
    "Stockholm Sweden, Helsinki Finland, Copenhagen Denmark, Brussels Belgium, Zurich Switzerland, Moscow Russia, "
    "Istanbul Turkey, Mumbai India, Beijing China, Seoul Korea, Bangkok Thailand, Hanoi Vietnam, Manila Philippines, "
    "Jakarta Indonesia, Sydney Australia, Toronto Canada, Chicago States, Havana Cuba, Lima Peru, Santiago Chile, "
    "Nairobi Kenya, Lagos Nigeria, Accra Ghana, Casablanca Morocco, Tunis Tunisia, Tehran Iran, Baghdad Iraq, "
    "Kathmandu Nepal, Milan Italy, Munich Germany"
)
SENTENCES = (
    "We met in {city} last summer.",
    "My uncle runs a bakery in {city} with his two sons.",
    "After her studies she moved to a small flat in {city}.",
    "The museum in {city} is closed on Monday.",
)
WORDS = (
    "apple bridge candle desert engine feather garden hammer island jungle kitchen ladder mirror needle ocean pencil "
    "quarry ribbon saddle temple umbrella valley window yellow anchor basket cotton dragon eagle forest glacier harbor"
)


def order_rows() -> list[Example]:
    rng = Random(1)
    numbers = rng.sample(range(1000, 10000), len(ITEMS) * len(COMPLAINTS))
    pairs = [(item, text) for item in ITEMS for text in COMPLAINTS]
    return [
        {
            "inputs": {"message": text.format(item=item, number=number)},
            "outputs": {"number": str(number), "confirmation": str(number)},
        }
        for (item, text), number in zip(pairs, numbers, strict=True)
    ]


def city_rows() -> list[Example]:
    return [
        {
            "inputs": {"sentence": SENTENCES[index % len(SENTENCES)].format(city=city)},
            "outputs": {"city": city, "country": country},
        }
        for index, (city, country) in enumerate(place.split() for place in PLACES.split(", "))
    ]


ORDERS = Task(
    "orders",
    orders_graph,
    facts_metric,
    split(order_rows(), 12, 16),
    {
        FIND_NUMBER: (
            "Reply to the customer.",
            "Which order is this about?",
            "Find the order number.",
            "What is the order number in the message?",
            "Be helpful and precise.",
            "Summarize the message in one sentence and keep the order number.",
        ),
        CONFIRM: (
            "Answer the customer politely.",
            "Repeat the order number to the customer in one short sentence.",
            "Write a short reply with the order number.",
            "Copy the sentence.",
            "Apologize to the customer.",
            "Be helpful and precise.",
        ),
    },
)
CITIES = Task(
    "cities",
    cities_graph,
    facts_metric,
    split(city_rows(), 12, 16),
    {
        FIND_CITY: (
            "Read the sentence carefully.",
            "Which city is named in the sentence?",
            "Which city is this sentence about? Answer in one short sentence.",
            "Write about the city as a guide would.",
            "Be helpful and precise.",
            "Answer with the name of the city.",
        ),
        NAME_COUNTRY: (
            "Describe the city.",
            "In which country is this city?",
            "Name the country of this city.",
            "Which country is the city in? Answer in one short sentence.",
            "Be helpful and precise.",
            "Write a poem about the country.",
        ),
    },
)
TASKS = (ORDERS, CITIES)


def null(seed: int) -> Task:
    """The task on which no prompt is better than another."""
    return Task(
        "null",
        null_graph,
        null_metric(seed),
        split([{"inputs": {"word": word}} for word in WORDS.split()], 8, 12),
        {
            REMARK_ON: (
                "Say something about the word.",
                "Explain the word.",
                "Use the word in a sentence.",
                "Name three things that go with the word.",
                "Write a question about the word.",
                "Write the word in capital letters.",
                "Which letter does the word begin with?",
                "Describe the word to a child.",
            )
        },
    )
