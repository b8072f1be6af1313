"""The demo: real CPU work of a few kinds, and a workload that submits it."""
