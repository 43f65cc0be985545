"""What does not change between tests is read once: content, rules and vocabularies."""

from collections.abc import Callable, Sequence

from needlewise import wiring
from needlewise.settings import Settings
from needlewise.wiring import Services

_PARTS = ("library", "renderer", "leaning", "triage", "screening", "reader", "redactor")


def builder(shared: Services, *, parts: Sequence[str] = _PARTS) -> Callable[[Settings], Services]:
    """A `wiring.build` whose services have the parts of `shared`, and a database, a key and mail of their own."""
    build = wiring.build

    def build_with_shared_parts(settings: Settings) -> Services:
        services = build(settings)
        for part in parts:
            setattr(services, part, getattr(shared, part))
        return services

    return build_with_shared_parts
