"""Drift: whether complaints are still those that a bundle was measured on, told without labels."""
