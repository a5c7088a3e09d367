"""Where a case stands in the company of its group: the level that the links give it, and why."""

from sqlalchemy import Connection

from models.links.grouping import Rules, Standing, standing_of
from serving.register.link_shown import read_whole


def standing(connection: Connection, number: int, rules: Rules) -> Standing | None:
    """Where a case stands as of now, None for one without a group."""
    whole = read_whole(connection, number)
    if whole is None:
        return None
    ties = [tie for tie in whole.ties if number in (tie.left, tie.right)]
    kind = rules.kinds.by_id[whole.group.kind]
    return standing_of(whole.cases[number], whole.cases, ties, kind, rules)
