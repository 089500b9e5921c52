"""The nouns of a run as frozen data: modules, candidates, examples, rollouts, events. No I/O, no clock."""
