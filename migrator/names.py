"""The names of everything we create on a server, and the keys of our advisory locks. Built and parsed here only."""

import hashlib
import re
from dataclasses import dataclass

PREFIX = "migrator_"
SCHEMA = "migrator"
"""Our schema: the journal in the destination's maintenance database, the ledger in each destination database."""

COPIES = "copy_part"
"""The task whose sessions on the source give way to whoever wants their table for itself."""

_OWNED = re.compile(r"migrator_(?P<slug>[a-z0-9_]{0,32})_(?P<owner>[0-9a-f]{12})_g(?P<group>[0-9]{1,4})(?:_i)?\Z")
_TRIAL = re.compile(r"migrator_[a-z0-9_]{0,32}_[0-9a-f]{12}_trial\Z")
_SYNC_SLOT = re.compile(r"pg_(?P<subscription>[0-9]+)_sync_(?P<relation>[0-9]+)_(?P<system>[0-9]+)\Z")


@dataclass(frozen=True)
class OwnedName:
    """A publication, slot or subscription name of ours, taken apart."""

    slug: str
    owner: str
    group: int


def owner_hash(mapping: str, destination_system_identifier: str, database: str) -> str:
    """12 hexadecimal digits that tell our objects from those of another mapping, destination or database."""
    parts = "\0".join((mapping, destination_system_identifier, database))
    return hashlib.blake2b(parts.encode(), digest_size=6).hexdigest()


def group_slug(mapping: str, database: str) -> str:
    """The readable part of a group's name; two migrations may have the same."""
    return re.sub(r"[^a-z0-9]+", "_", f"{mapping}_{database}".lower()).strip("_")[:32]


def group_name(mapping: str, destination_system_identifier: str, database: str, group: int) -> str:
    """The one name of a group's publication, slot and subscription: at most 63 bytes of [a-z0-9_].

    `database` is the source's name. A name that another migration would make differs in the hash.
    """
    slug = group_slug(mapping, database)
    return f"{PREFIX}{slug}_{owner_hash(mapping, destination_system_identifier, database)}_g{group}"


def inserts_name(group: str) -> str:
    """The name of a group's second publication, for tables of which no UPDATE and DELETE is published: at most 63 bytes."""
    return f"{group}_i"


def publication_group(publication: str) -> str:
    """The name of the group that a publication of ours belongs to."""
    return publication.removesuffix("_i")


def parse_group_name(name: str) -> OwnedName | None:
    """The parts of a name made by `group_name` or `inserts_name`, or None where the name is not one of ours."""
    match = _OWNED.match(name)
    return OwnedName(match["slug"], match["owner"], int(match["group"])) if match else None


def is_ours(name: str, mapping: str, destination_system_identifier: str, database: str) -> bool:
    """Whether `name` is that of a group of exactly this mapping, destination and source database."""
    owned = parse_group_name(name)
    return owned is not None and owned.owner == owner_hash(mapping, destination_system_identifier, database)


def trial_name(mapping: str, destination_system_identifier: str, database: str) -> str:
    """What the destination calls the database in which this one's schema is tried, for as long as that takes."""
    slug, owner = group_slug(mapping, database), owner_hash(mapping, destination_system_identifier, database)
    return f"{PREFIX}{slug}_{owner}_trial"


def is_trial_name(name: str) -> bool:
    """Whether a database has the name of a trial, of any mapping: nobody's to migrate, or to migrate into."""
    return _TRIAL.match(name) is not None


def sync_slot_subscription(slot: str) -> int | None:
    """The oid of the subscription whose tablesync worker made this slot; None for any other slot's name."""
    match = _SYNC_SLOT.match(slot)
    return int(match["subscription"]) if match else None


def sync_slot_destination(slot: str) -> str | None:
    """The system identifier of the server that a tablesync slot feeds; None for any other slot's name."""
    match = _SYNC_SLOT.match(slot)
    return match["system"] if match else None


def application_name(mapping: str, task: str) -> str:
    """What pg_stat_activity shows for our sessions, cut to PostgreSQL's 63 bytes."""
    return f"pg-migrator {task} {mapping}".encode()[:63].decode(errors="ignore")


def lock_key(*parts: str) -> int:
    """A signed 64-bit advisory lock key, the same in every process (Python's hash() is salted)."""
    digest = hashlib.blake2b("\0".join(("migrator", *parts)).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big", signed=True)
