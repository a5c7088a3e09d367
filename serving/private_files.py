"""Files that are made once and only their owner may read: keys and seals that servers share."""

import os
from contextlib import suppress
from pathlib import Path

from models.whole_files import OWNER_ONLY, place_beside, sync_folder, write_synced


def create_once(path: Path, content: bytes) -> None:
    """Make the file unless it is there; of several processes the first one wins."""
    if path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with place_beside(path) as place:
        write_synced(place, [content], mode=OWNER_ONLY)
        with suppress(FileExistsError):
            os.link(place, path)  # unlike a rename it refuses where the file is there
    sync_folder(path.parent)
