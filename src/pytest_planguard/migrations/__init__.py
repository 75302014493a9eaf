"""Migrations: recorded from wherever they come, traced on an empty twin, weighed by production.

A migration is a list of statements (``recorded``). They run one after the other on a copy of the
empty template (``trace``), and before and after each the server is asked for locks, files and scan
counters (``snapshot``). What differs is the statement's effect (``effects``), which is multiplied
by production's rows and bytes (``weigh``). Nothing is guessed from the text.
"""
