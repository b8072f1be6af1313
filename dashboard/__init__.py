"""The live page: what the grid does, what the jobs do, and what that saved."""
