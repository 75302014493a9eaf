"""What ``benchmarks/migrations.py`` is made of."""
