"""Experiments and runs: params, metrics, tags, artifacts, and the code they came from."""
