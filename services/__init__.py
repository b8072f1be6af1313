"""The programs of the job processor; none imports another."""
