"""Whose is a name on the destination: what is claimed, given back, refused; and what mappings are told of each other."""

from dataclasses import replace

import pytest

from migrator.bookkeeping.journal import NOT_BEGUN
from migrator.config import DatabaseSelection, InstanceSpec, MappingSpec, RoleConflictStrategy
from migrator.model import Instance
from migrator.names import group_name
from migrator.observation import DatabasePair, Observation, Scope
from migrator.phases import claims
from migrator.phases.clashes import between
from migrator.phases.view import View
from migrator.records import Claim, Journal
from migrator.reports.leftovers import leftovers
from tests.builders import (
    DESTINATION_SYSTEM,
    MAPPING,
    NOW,
    database,
    destination_instance,
    group,
    held,
    instance,
    mapping_spec,
    pair,
    role,
    slot,
    view,
)


def claim(mapping: str = MAPPING, name: str = "shop", target: str | None = None) -> Claim:
    return Claim(mapping, f"{mapping}'s source (old:5432)", name, target or name, created=False)


def seen(*entries: Claim, pairs: tuple[DatabasePair, ...] = (), about: DatabasePair | None = None) -> View:
    plain = view(pairs=pairs, about=about)
    journal: Journal = replace(NOT_BEGUN, claims=entries)
    return replace(plain, observation=replace(plain.observation, journal=journal))


def summaries(asked: View) -> list[str]:
    return [action.summary for action in claims.examine(asked).actions]


def test_free_names_are_claimed_in_one_order() -> None:
    shop, store = pair("shop"), pair("store", target="a store")
    (action,) = claims.examine(seen(pairs=(shop, store))).actions
    assert action.summary == "claim the names of shop, a store"
    (insert,) = action.statements
    assert insert.sql.index("'a store'") < insert.sql.index("'shop', 'shop'")
    assert insert.sql.endswith("ON CONFLICT DO NOTHING")


def test_what_is_ours_or_another_s_is_not_claimed() -> None:
    shop, store = pair("shop"), pair("store")
    entries = (claim(name="shop"), claim("other", "depot", "store"))
    assert summaries(seen(*entries, pairs=(shop, store))) == []
    assert claims.is_ours(seen(*entries), shop) and not claims.is_ours(seen(*entries), store)
    (refused,) = claims.findings(seen(*entries, pairs=(shop, store), about=store))
    assert "mapping other has that name for database depot of other's source (old:5432)" in refused.message
    assert claims.findings(seen(*entries, pairs=(shop, store), about=shop)) is not None
    assert list(claims.findings(seen(*entries, pairs=(shop, store), about=shop))) == []


def test_two_of_one_mapping_are_both_refused() -> None:
    shop, store = pair("shop"), pair("store", target="shop")
    assert summaries(seen(pairs=(shop, store))) == []
    for about in (shop, store):
        (refused,) = claims.findings(seen(pairs=(shop, store), about=about))
        assert (refused.code, refused.database) == ("database_name_clash", about.name)


def test_what_is_wanted_no_more_is_given_back_unless_it_is_replicated() -> None:
    asked = seen(claim(name="shop"), claim(name="gone"), pairs=(pair("shop"),))
    assert summaries(asked) == ["give back the name of gone"]
    with_slot = replace(asked.observation, source=instance(slots=(slot(group("gone")),)))
    step = claims.examine(replace(asked, observation=with_slot))
    assert [finding.code for finding in step.findings] == ["database_deselected"]
    assert step.actions == () and not step.quiet


@pytest.mark.parametrize("number", [1, 2, 17])
def test_whichever_group_stands_keeps_the_claim(number: int) -> None:
    """The first may have been given up: then only later ones stand."""
    asked, name = (
        seen(claim(name="gone"), pairs=(pair("shop"),)),
        group_name(MAPPING, DESTINATION_SYSTEM, "gone", number),
    )
    subscribed = replace(asked.observation, destination=destination_instance(held=held("other", name)))
    slotted = replace(asked.observation, source=instance(slots=(slot("other"), slot(name))))
    for observation in (subscribed, slotted):
        step = claims.examine(replace(asked, observation=observation))
        assert [finding.code for finding in step.findings] == ["database_deselected"]
        assert [action.summary for action in step.actions] == ["claim the name of shop"]


def test_another_mapping_s_groups_keep_no_claim_of_ours() -> None:
    asked, name = seen(claim(name="gone"), pairs=(pair("shop"),)), group_name("other", DESTINATION_SYSTEM, "gone", 2)
    destination = destination_instance(held=held(name))
    step = claims.examine(replace(asked, observation=replace(asked.observation, destination=destination)))
    assert step.findings == () and step.actions[0].summary == "give back the name of gone"


def test_a_slot_of_a_database_that_is_not_selected_is_a_leftover() -> None:
    """Left out, or renamed since: the slot's database then has another name than the one it was made for."""
    ours, made_before = (group_name(MAPPING, DESTINATION_SYSTEM, each, 2) for each in ("gone", "shop"))
    others = group_name("other", DESTINATION_SYSTEM, "gone", 2)
    asked = seen(claim(name="shop"), pairs=(pair("store"),))
    slots = (slot(ours, database="gone"), slot(made_before, database="boutique"), slot(others, database="gone"))
    left = leftovers(replace(asked.observation, source=instance(slots=slots)))
    assert [each.what for each in left] == [f"replication slot {name}" for name in (ours, made_before)]


def test_a_name_that_changed_is_given_back_and_the_new_one_claimed() -> None:
    asked = seen(claim(name="shop", target="shop"), pairs=(pair("shop", target="boutique"),))
    assert summaries(asked) == ["give back the name of shop", "claim the name of boutique"]


def test_a_narrow_look_claims_nothing() -> None:
    asked = seen(claim(name="other"), pairs=(pair("shop"),))
    narrow = replace(asked, observation=replace(asked.observation, scope=Scope("shop")))
    assert claims.examine(narrow).actions == ()


def test_lines_to_paste_hold_odd_and_long_names() -> None:
    assert claims.rename_line("src", 'a"b\\c') == 'databases: {rename: {"a\\"b\\\\c": "a\\"b\\\\c_src"}}'
    long = claims.rename_line("src", "ä" * 31)
    name = long.split('": "')[1].removesuffix('"}}')
    assert len(name.encode()) <= 63 and name.endswith("_src")
    assert claims.exclude_line("shop") == 'databases: {exclude: ["shop"]}'


def looked(name: str, source: Instance, **fields: object) -> tuple[MappingSpec, Observation]:
    spec = replace(mapping_spec(name=name, source=InstanceSpec(f"src-{name}", "old")), **fields)  # type: ignore[arg-type]
    return spec, Observation(name, Scope(""), NOW, source, destination_instance(), NOT_BEGUN)


def source(system: str, *names: str, connection_limit: int = -1) -> Instance:
    app = role("app", connection_limit=connection_limit, password_digest="d")
    return instance(system_identifier=system, databases=tuple(map(database, names)), roles=(app,))


def test_either_mapping_is_told_of_the_other_before_anything_is_made() -> None:
    one, two = looked("one", source("1", "shop", "store")), looked("two", source("2", "shop"))
    told = between((one, two))
    for name, rival in (("one", "two"), ("two", "one")):
        (clash,) = told[name]
        assert clash.code == "database_name_clash" and clash.blocking and f"(mapping {rival})" in clash.message


def test_renames_and_other_destinations_do_not_clash() -> None:
    one = looked("one", source("1", "shop"))
    renamed = looked("two", source("2", "shop"), databases=DatabaseSelection(rename={"shop": "Shop"}))
    assert between((one, renamed)) == {"one": (), "two": ()}
    spec, elsewhere = looked("two", source("2", "shop"))
    other = replace(elsewhere, destination=destination_instance(system_identifier="9"))
    assert between((one, (spec, other))) == {"one": (), "two": ()}


def test_one_source_twice_clashes_by_its_databases_not_by_its_roles() -> None:
    one, two = looked("one", source("1", "shop")), looked("two", source("1", "shop", connection_limit=3))
    assert [finding.code for finding in between((one, two))["two"]] == ["database_name_clash"]


def test_roles_that_are_not_the_same_are_told() -> None:
    one, two = looked("one", source("1", "a")), looked("two", source("2", "b", connection_limit=3))
    (told,) = between((one, two))["one"]
    assert told.code == "role_name_clash" and not told.blocking and "app" in told.message
    strict = (replace(two[0], role_conflict_strategy=RoleConflictStrategy.FAIL), two[1])
    (refused,) = between((one, strict))["two"]
    assert refused.blocking
