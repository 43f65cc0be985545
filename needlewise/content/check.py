"""`needlewise check`: everything that is wrong with content, training data and domain, all at once."""

from collections.abc import Callable, Iterable, Iterator

from needlewise.content.checks import (
    answers,
    clinics,
    domain,
    files,
    parity,
    phrases,
    rows,
    sms,
    wording,
)
from needlewise.content.checks.finding import Finding
from needlewise.content.checks.tree import Tree, read_tree
from needlewise.settings import Settings

__all__ = ["Finding", "check_all"]

Rule = Callable[[Tree], Iterator[Finding]]

RULES: tuple[Rule, ...] = (
    files.check,
    parity.check,
    answers.check,
    phrases.check,
    clinics.check,
    domain.check,
    rows.check_facts,
    rows.check_commands,
    rows.check_follow_ups,
    rows.check_opt_out,
    wording.check_filled_in,
    wording.check_claims,
    wording.check_grade,
    sms.check,
)


def findings_of(tree: Tree, rules: Iterable[Rule]) -> list[Finding]:
    """What these rules find, and what could not be read."""
    found = [finding for rule in rules for finding in rule(tree)]
    # Read last: a rule may be the first to open a file.
    return found + tree.broken


def check_all(settings: Settings, *, production: bool = False, clinic: str | None = None) -> list[Finding]:
    """Every finding, by file and line. `production` adds what the profile of `clinic`, or every profile, lacks for patients.

    Raises ContentError when there is no profile of that name.
    """
    tree = read_tree(settings)
    if clinic is not None and not (settings.content / "clinics" / f"{clinic}.yml").exists():
        tree.library.clinic(clinic)
    found = findings_of(tree, RULES)
    if production:
        found += clinics.check_production(tree, clinic)
    return sorted(dict.fromkeys(found), key=lambda finding: (finding.path, finding.line))
