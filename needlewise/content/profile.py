"""The part of a clinic's profile that its own staff may change; the rest (addresses of websites, numbers to text, time zone) stays in the file."""

from msgspec import Struct, structs

from needlewise.content.model import Clinic, Contact, Hours, Location, Notice, Setting

FROM_BOOKING = ("way", "email", "link", "notify", "reply_business_days")


class Requests(Struct, frozen=True, forbid_unknown_fields=True):
    """How requests reach the clinic: a part of Booking."""

    way: str
    email: str | None = None
    link: str | None = None
    notify: str | None = None
    reply_business_days: int | None = None


class Profile(Struct, frozen=True, forbid_unknown_fields=True):
    """Field names and shapes are those of Clinic."""

    booking: Requests
    contact: Contact = Contact()
    hours: Hours | None = None
    locations: list[Location] = []
    settings: dict[str, Setting] = {}
    notices: list[Notice] = []
    text_kept_days: int = 90
    requests_kept_days: int = 730


def profile_of(clinic: Clinic) -> Profile:
    """What of this clinic may be changed, as it stands."""
    booking = Requests(**{name: getattr(clinic.booking, name) for name in FROM_BOOKING})
    taken = {name: getattr(clinic, name) for name in Profile.__struct_fields__ if name != "booking"}
    return Profile(booking=booking, **taken)


def with_profile(clinic: Clinic, profile: Profile) -> Clinic:
    """The clinic of the file with what was changed of it."""
    booking = structs.replace(clinic.booking, **structs.asdict(profile.booking))
    return structs.replace(clinic, **{**structs.asdict(profile), "booking": booking})
