"""Parts of ``benchmarks/mutations.py``."""
