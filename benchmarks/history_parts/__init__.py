"""What ``benchmarks/history.py`` is made of."""
