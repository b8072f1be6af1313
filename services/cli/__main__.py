"""Lets `python -m services.cli` work where the console script is not installed."""

from services.cli import main

if __name__ == "__main__":
    main()
