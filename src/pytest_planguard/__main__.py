"""Lets ``python -m pytest_planguard`` run the command line."""

from pytest_planguard.cli import main

if __name__ == "__main__":
    main()
