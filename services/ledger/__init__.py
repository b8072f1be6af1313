"""Writes everything that happened into the ledger's database."""
