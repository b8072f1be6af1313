"""Runs the users' handlers, with as many consumers as the grid's band allows."""
