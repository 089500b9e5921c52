"""A plain ReAct agent with four tools over a town library's records.

Its prompt and its tools' descriptions say so little that a model often picks the wrong tool:
does `find` know who has a book? Optimise the descriptions with `--kinds prompt,tool`.
"""

import ast
import json
import operator
import os
import sqlite3
from contextlib import closing
from datetime import date

from langchain.agents import create_agent
from langchain.chat_models import init_chat_model
from langchain.tools import tool

PROMPT = "You help at the desk of a library. Answer the question."

RECORDS = """
create table books (id text primary key, title text, author text, shelf text);
insert into books values
  ('B1', 'The Left Hand of Darkness', 'Ursula K. Le Guin', 'F12'),
  ('B2', 'The Dispossessed', 'Ursula K. Le Guin', 'F12'),
  ('B3', 'Beloved', 'Toni Morrison', 'F14'), ('B4', 'Sula', 'Toni Morrison', 'F14'),
  ('B5', 'Invisible Cities', 'Italo Calvino', 'F03'), ('B6', 'The Periodic Table', 'Primo Levi', 'S02'),
  ('B7', 'Silent Spring', 'Rachel Carson', 'S01'), ('B8', 'The Sea Around Us', 'Rachel Carson', 'S01');
create table loans (book text, member text, due text);
insert into loans values
  ('B1', 'M-207', '2026-03-02'), ('B3', 'M-113', '2026-03-30'),
  ('B6', 'M-207', '2026-02-11'), ('B8', 'M-340', '2026-04-04');
"""

ARITHMETIC = {ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv}


def rows(query: str, *values: str) -> str:
    """Answers a query on a fresh copy of the records, so that runs never share anything."""
    with closing(sqlite3.connect(":memory:")) as library:
        library.executescript(RECORDS)
        cursor = library.execute(query, values)
        names = [column[0] for column in cursor.description]
        return json.dumps([dict(zip(names, row, strict=True)) for row in cursor])


@tool
def find(text: str) -> str:
    """Find things."""
    return rows("select * from books where title like ?1 or author like ?1", f"%{text}%")


@tool
def check(book: str) -> str:
    """Check a book."""
    return rows("select id, title, member, due from books join loans on book = id where id = ?1 or title = ?1", book)


@tool
def member(number: str) -> str:
    """Member."""
    return rows("select id, title, due from loans join books on id = book where member = ?", number)


@tool
def days(start: str, end: str) -> str:
    """Dates."""
    try:
        return str((date.fromisoformat(end) - date.fromisoformat(start)).days)
    except ValueError as error:
        return f"Those are no dates: {error}."


@tool
def compute(formula: str) -> str:
    """Compute."""
    try:
        return str(value(ast.parse(formula, mode="eval").body))
    except (ArithmeticError, SyntaxError, ValueError) as error:
        return f"That cannot be computed: {error}."


def value(node: ast.expr) -> float:
    """What an arithmetic expression comes to."""
    match node:
        case ast.Constant(value=int() | float() as number):
            return number
        case ast.BinOp(left=left, op=op, right=right) if type(op) in ARITHMETIC:
            return ARITHMETIC[type(op)](value(left), value(right))
        case _:
            raise ValueError("only numbers and + - * / can be computed")


model = init_chat_model(
    os.environ.get("OPENAI_MODEL", "gpt-5-mini"),
    model_provider="openai",
    api_key=os.environ.get("OPENAI_API_KEY", "not set"),  # so that the graph can be looked at without a key
)
graph = create_agent(model, [find, check, member, days, compute], system_prompt=PROMPT, name="library")
