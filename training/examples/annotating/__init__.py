"""Annotation: which cases to label next, and labels to and from the tools that people use."""
