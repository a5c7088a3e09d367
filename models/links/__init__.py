"""Links across cases: copied letters, shared identifiers, and what innocently explains them.

Knows no HTTP, no files of users, no network; a group never accuses anyone.
"""

from models.links.hubs import HubList, read_hubs
from models.links.identifiers import Key
from models.links.linker import Group, Linked, LinkedCase, Linker

__all__ = ["Group", "HubList", "Key", "Linked", "LinkedCase", "Linker", "read_hubs"]
