"""Apply executes a plan and nothing else: re-read, refuse drift, change, prove (design section 5)."""
