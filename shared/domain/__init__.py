"""Pure rules: standard library, and numpy for arrays; no clock, no I/O, no logging."""
