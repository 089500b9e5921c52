# Everything a change must pass. `make check` runs it all in the environment that is active; CI does the same.

.PHONY: check lint types test format docs tutorial

check: lint types test

lint:
	ruff check .
	ruff format --check .

types:
	mypy

test:
	python -m pytest -n auto

format:
	ruff check --fix .
	ruff format .

docs:  # needs pip install -e ".[docs]"
	NO_MKDOCS_2_WARNING=1 mkdocs build --quiet --strict

tutorial:  # runs the notebook and keeps what it prints, on simulated models
	env -u OPENAI_API_KEY jupyter nbconvert --to notebook --execute --inplace --ExecutePreprocessor.record_timing=False docs/tutorial.ipynb
