"""The journal: what was intended, and what came of it, on disk before the work goes on."""
