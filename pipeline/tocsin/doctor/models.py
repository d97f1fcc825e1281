"""Is there a model of each kind, whole, and of the shape that the settings want? Loads torch."""

from tocsin.core.profile import Profile
from tocsin.core.scoring import fits
from tocsin.doctor.finding import Finding, missing_model
from tocsin.ports import Log
from tocsin.settings import Settings
from tocsin.wiring.models import make_registry


async def examine_model(log: Log, settings: Settings, profile: Profile) -> Finding:
    """Fetch the model that scores a profile, and compare it with the profile."""
    what, registry = f"model of {profile.name}", make_registry(settings, log)
    version = await registry.champion(profile.name)
    if version is None:
        return missing_model(profile)
    try:
        why = fits(await registry.fetch(profile.name, version), profile)
    except (KeyError, ValueError) as error:
        return Finding(what, well=False, found=str(error), remedy="tocsin models rollback")
    if why:
        return Finding(what, well=False, found=why, remedy="tocsin train, or tocsin retrain")
    return Finding(what, well=True, found=f"{version} is whole and fits")
