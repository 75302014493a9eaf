"""Asks PostgreSQL for plans; nothing else in planguard does."""
