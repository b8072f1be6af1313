"""What finished jobs emitted and avoided, read once and written as a page or as rows."""
