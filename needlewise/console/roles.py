"""What a person may do at a clinic."""

from collections.abc import Mapping
from enum import StrEnum


class Role(StrEnum):
    """Roles are given for one clinic each; a person may have several."""

    READER = "reader"
    REVIEWER = "reviewer"
    EDITOR = "editor"
    CLINICIAN = "clinician"
    ADMIN = "admin"


MEANINGS: Mapping[Role, str] = {
    Role.READER: "reads conversations and requests",
    Role.REVIEWER: "also tags, corrects and answers them",
    Role.EDITOR: "edits answers and clinic settings",
    Role.CLINICIAN: "reads, and signs answers and rules",
    Role.ADMIN: "looks after staff and the audit log, and reads no conversation",
}

_INCLUDES: Mapping[Role, frozenset[Role]] = {
    Role.REVIEWER: frozenset({Role.READER}),
    Role.CLINICIAN: frozenset({Role.READER}),
}


def grants(role: Role) -> frozenset[Role]:
    """The role and those it includes: a reviewer and a clinician may do all that a reader may."""
    return _INCLUDES.get(role, frozenset()) | {role}
