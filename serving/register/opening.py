"""Opening: from settings to a register with its index of links. The only place that joins them."""

from contextlib import AbstractContextManager, nullcontext

from models.bundle import load_bundle
from models.links import read_hubs
from serving.register.errors import RegisterError
from serving.register.link_index import index_with
from serving.register.register import Register
from serving.settings import ServingSettings

NOTHING = "none"
"""The address that keeps nothing."""


def open_register(settings: ServingSettings) -> Register:
    """The register of these settings, linked by the codebook of their bundle.

    Raises RegisterError where they want none, BundleError for a bundle that cannot be used,
    HubError for a list of hubs that cannot be.
    """
    if settings.database == NOTHING:
        raise RegisterError("--database: found none, wanted the address of a database")
    folder = settings.data_dir
    return Register.open(
        settings.database or f"sqlite:///{folder / 'register.db'}",
        key_file=settings.key_file or folder / "identifier.keys",
        text_form=settings.stored_text,
        text_key_file=settings.text_key_file or folder / "text.keys",
        password_file=settings.database_password_file,
        index=index_with(load_bundle(settings.bundle).codebook, hubs=read_hubs(settings.hubs)),
    )


def register_if_wanted(settings: ServingSettings) -> AbstractContextManager[Register | None]:
    """The register to be used with ``with``, or None where nothing shall be kept."""
    return nullcontext() if settings.database == NOTHING else open_register(settings)
