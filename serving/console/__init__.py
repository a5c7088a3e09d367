"""The review console: pages for people who verify; no script or internet is needed."""
