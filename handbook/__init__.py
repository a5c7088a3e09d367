"""The site of documents: pages of ``docs/`` beside pages written from the code itself.

Stands on all three packages and is imported by none; it is no part of what is installed.
"""
