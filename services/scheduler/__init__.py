"""Takes jobs in, decides when each runs, keeps the timetable, and opens its slots."""
