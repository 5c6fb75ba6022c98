"""Timings, measured and never asserted: `make bench` writes them to results.json with their goals."""
