"""Labelled complaints: read, checked, split, and where they came from."""
