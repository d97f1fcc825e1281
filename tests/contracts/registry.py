"""What every `Registry` must do: one battery, run over each implementation.

A subclass gives the fixtures ``registry``, an entered and empty one, and ``beside``, a second one
of the same models, as another process would have it.
"""

import pytest

from bundles import ACCEPTED, REFUSED, tiny_bundle
from tocsin.ports import Registry
from tocsin_models.bundle import pack

PROFILE = "pumps"


class RegistryContract:
    async def test_it_answers_a_ping_with_one_line(self, registry: Registry) -> None:
        assert len((await registry.ping()).splitlines()) == 1

    async def test_an_empty_registry_has_no_champion_and_no_versions(
        self, registry: Registry
    ) -> None:
        assert await registry.champion(PROFILE) is None
        assert await registry.versions(PROFILE) == []

    async def test_a_bundle_comes_back_byte_for_byte(
        self, registry: Registry, beside: Registry
    ) -> None:
        bundle = tiny_bundle(1)
        await registry.publish(PROFILE, bundle, ACCEPTED, at_ns=5)
        for each in (registry, beside):
            fetched = await each.fetch(PROFILE, bundle.version)
            assert fetched.version == bundle.version
            assert pack(fetched) == pack(bundle)

    async def test_publishing_moves_no_pointer(self, registry: Registry) -> None:
        await registry.publish(PROFILE, tiny_bundle(1), ACCEPTED, at_ns=5)
        assert await registry.champion(PROFILE) is None

    async def test_what_is_not_there_is_a_key_error(self, registry: Registry) -> None:
        with pytest.raises(KeyError):
            await registry.fetch(PROFILE, "0123456789abcdef")
        with pytest.raises(KeyError):
            await registry.promote(PROFILE, "0123456789abcdef")
        with pytest.raises(KeyError):
            await registry.rollback(PROFILE)
        assert await registry.champion(PROFILE) is None

    async def test_a_first_champion_has_nothing_to_roll_back_to(self, registry: Registry) -> None:
        bundle = tiny_bundle(1)
        await registry.publish(PROFILE, bundle, ACCEPTED, at_ns=5)
        await registry.promote(PROFILE, bundle.version)
        with pytest.raises(KeyError):
            await registry.rollback(PROFILE)
        assert await registry.champion(PROFILE) == bundle.version

    async def test_a_promotion_is_seen_by_others(
        self, registry: Registry, beside: Registry
    ) -> None:
        bundle = tiny_bundle(1)
        assert await beside.champion(PROFILE) is None
        await registry.publish(PROFILE, bundle, ACCEPTED, at_ns=5)
        await registry.promote(PROFILE, bundle.version)
        assert await beside.champion(PROFILE) == bundle.version

    async def test_rolling_back_swaps_champion_and_previous(
        self, registry: Registry, beside: Registry
    ) -> None:
        first, second = tiny_bundle(1), tiny_bundle(2)
        for bundle in (first, second):
            await registry.publish(PROFILE, bundle, ACCEPTED, at_ns=5)
            await registry.promote(PROFILE, bundle.version)
        assert await beside.rollback(PROFILE) == first.version
        assert await registry.champion(PROFILE) == first.version
        assert await registry.rollback(PROFILE) == second.version
        assert await beside.champion(PROFILE) == second.version

    async def test_promoting_the_champion_again_keeps_the_way_back(
        self, registry: Registry
    ) -> None:
        first, second = tiny_bundle(1), tiny_bundle(2)
        for bundle in (first, second, second):
            await registry.publish(PROFILE, bundle, ACCEPTED, at_ns=5)
            await registry.promote(PROFILE, bundle.version)
        assert await registry.rollback(PROFILE) == first.version

    async def test_versions_tell_their_standing_and_verdict_oldest_first(
        self, registry: Registry
    ) -> None:
        bundles = [tiny_bundle(seed) for seed in range(4)]
        verdicts = [ACCEPTED, ACCEPTED, REFUSED, ACCEPTED]
        for at_ns, (bundle, verdict) in enumerate(zip(bundles, verdicts, strict=True)):
            await registry.publish(PROFILE, bundle, verdict, at_ns)
            if verdict.promoted:
                await registry.promote(PROFILE, bundle.version)
        found = await registry.versions(PROFILE)
        assert [each.version for each in found] == [bundle.version for bundle in bundles]
        assert [each.created_ns for each in found] == [0, 1, 2, 3]
        standings = [each.standing for each in found]
        assert standings == ["retired", "previous", "refused", "champion"]
        assert [each.verdict.promoted for each in found] == [True, True, False, True]
        (check,) = found[2].verdict.checks
        assert (check.name, check.value != check.value, check.bound) == ("holdout", True, 0.25)
        assert check.sentence == REFUSED.checks[0].sentence

    async def test_profiles_do_not_see_each_other(self, registry: Registry) -> None:
        bundle = tiny_bundle(1)
        for profile in ("pumps", "pumps/old", "fans#2"):
            assert await registry.champion(profile) is None
            await registry.publish(profile, bundle, ACCEPTED, at_ns=5)
            await registry.promote(profile, bundle.version)
            assert [each.profile for each in await registry.versions(profile)] == [profile]
            assert (await registry.fetch(profile, bundle.version)).version == bundle.version
