"""Statements out of a driver: the drivers are the truth, ORMs only annotate."""
