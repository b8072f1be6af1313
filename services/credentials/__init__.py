"""Makes the passwords of a deployment once, and hands each service no more than its own."""
