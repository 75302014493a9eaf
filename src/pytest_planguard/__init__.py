"""Fails the build when a query of your test suite would plan badly at production scale."""
