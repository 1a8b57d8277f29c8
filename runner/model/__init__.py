"""Data that the stages exchange: frozen, with no behaviour beyond what it means. Imports nothing of ours."""
