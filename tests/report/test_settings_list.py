"""The settings that the report lists."""

from __future__ import annotations

from langgraph_gepa.report.settings_list import settings_list


def test_what_was_given_is_listed_and_the_rest_is_not() -> None:
    """Notes, frozen parts and prompts by module; a score of 0 was given, an empty critic was not."""
    rows = dict(
        settings_list(
            {
                "notes": {"sort": "Be brief."},
                "frozen": {"sort": ("Ada", "Ltd.")},
                "reflection_prompt": {"sort": "Improve {text}." + "x" * 5000},
                "track": ("mlflow",),
                "critic_model": "",
                "failure_score": 0.0,
                "seed": 0,
                "modules": ("sort", "answer"),
            },
            "letters",
        )
    )
    assert rows["Graph"] == "letters"
    assert rows["Notes"] == "sort: Be brief."
    assert rows["Frozen parts"] == "sort: “Ada”, “Ltd.”"
    assert len(rows["Reflection prompt"]) < 700
    assert (rows["Trackers"], rows["Optimised"]) == ("mlflow", "sort, answer")
    assert (rows["Score of a failure"], rows["Random seed"]) == ("0", "0")
    assert "Critic" not in rows
    assert "Notes" not in dict(settings_list({}, ""))
