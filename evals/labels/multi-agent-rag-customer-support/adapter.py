"""An empty database of the shape the project asks for; searches that find nothing."""

import os
import sqlite3
import tempfile
from pathlib import Path

COLUMNS = {
    "tickets": "ticket_no, book_ref, passenger_id",
    "flights": "flight_id, flight_no, departure_airport, arrival_airport, scheduled_departure, scheduled_arrival",
    "ticket_flights": "ticket_no, flight_id, fare_conditions",
    "boarding_passes": "ticket_no, flight_id, seat_no",
}


def prepare() -> None:
    import sys

    import langchain_text_splitters
    from langchain_community.tools.ddg_search import tool

    path = Path(tempfile.mkdtemp()) / "travel.sqlite"
    with sqlite3.connect(path) as database:
        for table, columns in COLUMNS.items():
            database.execute(f"create table {table} ({columns})")
    os.environ["SQLITE_DB_PATH"] = str(path)
    sys.modules["langchain.text_splitter"] = langchain_text_splitters  # where it was for the project's version
    tool.DuckDuckGoSearchAPIWrapper.validate_environment = classmethod(lambda cls, values: values)
    from vectorizer.app.vectordb.vectordb import VectorDB

    VectorDB.search = lambda self, query, limit=2, **_: []
