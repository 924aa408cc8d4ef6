"""Make a topic read-only, and heal it."""

from confluent_kafka.admin import (
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
)

_ANYONE = ("User:ANONYMOUS", "*")
_DENIED = (AclOperation.WRITE, AclPermissionType.DENY)


def forbid_writes(bootstrap: str, topic: str) -> None:
    """Make a topic read-only; `allow_writes` heals it."""
    place = (ResourceType.TOPIC, topic, ResourcePatternType.LITERAL, *_ANYONE)
    # Where there is any rule, all that is not allowed by one is forbidden.
    allowed = AclBinding(*place, AclOperation.ALL, AclPermissionType.ALLOW)
    admin = AdminClient({"bootstrap.servers": bootstrap})
    for done in admin.create_acls([allowed, AclBinding(*place, *_DENIED)]).values():
        done.result(10)


def allow_writes(bootstrap: str, topic: str) -> None:
    """Undo `forbid_writes`."""
    place = (ResourceType.TOPIC, topic, ResourcePatternType.LITERAL, *_ANYONE)
    admin = AdminClient({"bootstrap.servers": bootstrap})
    for done in admin.delete_acls([AclBindingFilter(*place, *_DENIED)]).values():
        assert done.result(10)
