"""The one base of every error that is the user's to mend."""


class XiaobaoError(Exception):
    """Names the place, the value found and the value wanted; never holds complaint text."""
