"""Polls carbon intensity, gives the grid its band, and broadcasts every update."""
