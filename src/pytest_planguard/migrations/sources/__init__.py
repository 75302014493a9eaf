"""Where migrations come from: SQL files, Alembic, Django, a command, what a test run captured."""
