"""The two agents as the project's own loop makes them; a few dates; messages as objects."""

import datetime as dt
from typing import Any

DAYS = {"yesterday": -1, "tomorrow": 1, "in a week": 7}


def prepare() -> None:
    import dateparser

    now = dt.datetime.now()
    dateparser.parse = lambda said, **_: now + dt.timedelta(days=DAYS[said]) if said in DAYS else None


def car() -> Any:
    from src.book_car_agent import BookCarAgent
    from src.chat import model
    from src.models import BookCar

    return BookCarAgent(model, slots=BookCar(), checkpointer=None).graph


def flight() -> Any:
    from src.book_flight_agent import BookFlightAgent
    from src.chat import model
    from src.models import BookFlight

    return BookFlightAgent(model, slots=BookFlight(), checkpointer=None).graph


def car_asked() -> dict[str, Any]:
    return _asked("A car from Oslo.")


def flight_asked() -> dict[str, Any]:
    return _asked("A flight to Oslo.")


def _asked(said: str) -> dict[str, Any]:
    from langchain_core.messages import HumanMessage

    return {"messages": [HumanMessage(said)]}
