"""Fakes for the ports of the engine, and the contract of stores as tests."""

from langgraph_gepa.testing.fakes import FakeEvaluator, FakeLanguageModel, Score
from langgraph_gepa.testing.sample_journal import JOURNAL, PAID
from langgraph_gepa.testing.store_contract import StoreContract

__all__ = ["JOURNAL", "PAID", "FakeEvaluator", "FakeLanguageModel", "Score", "StoreContract"]
