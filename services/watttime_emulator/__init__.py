"""WattTime's API v3 over a recorded trace: a development tool, bound to loopback."""
