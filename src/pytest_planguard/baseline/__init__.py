"""The baseline: what was accepted, on disk and in comparison with what was seen."""
