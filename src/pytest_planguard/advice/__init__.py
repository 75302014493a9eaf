"""Indexes and rewrites that would help, each proven by the planner at scale or not given."""
