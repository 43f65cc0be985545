"""domain.yml against actions/: what is listed exists, what is used is listed, and no text hides in it."""

from collections.abc import Iterator, Mapping

from needlewise.content.checks.code import Code, read_code
from needlewise.content.checks.finding import Finding
from needlewise.content.checks.tree import Tree

_FORM_KEYS = frozenset({"required_slots", "ignored_intents"})

# Rasa's own.
_BUILT_IN_SLOTS = frozenset({"requested_slot"})


def check(tree: Tree) -> Iterator[Finding]:
    if tree.domain is None:
        return
    doc, domain = tree.domain, tree.domain.value
    slots = domain.get("slots") or {}
    if "responses" in domain:
        yield doc.finding("what we say stands in content/, not here", "responses")
    for form, settings in (domain.get("forms") or {}).items():
        for key in settings if isinstance(settings, Mapping) else ():
            if key not in _FORM_KEYS:
                yield doc.finding(f"a form has no key {key}: is it indented too far?", "forms", form, key)
        for slot in (settings or {}).get("required_slots", []):
            if slot not in slots:
                yield doc.finding(f"there is no slot {slot}", "forms", form, "required_slots")
    code = read_code(tree, frozenset())
    yield from _actions(tree, code)
    for mention in code.slots:
        if mention.name not in slots and mention.name not in _BUILT_IN_SLOTS:
            yield Finding(mention.path, mention.line, f"domain.yml has no slot {mention.name}")


def _actions(tree: Tree, code: Code) -> Iterator[Finding]:
    assert tree.domain is not None
    listed = list(tree.domain.value.get("actions") or [])
    names = {mention.name for mention in code.actions}
    for index, action in enumerate(listed):
        if action not in names:
            yield tree.domain.finding(f"no class in actions/ has the name {action}", "actions", index)
    for mention in code.actions:
        if mention.name not in listed:
            yield Finding(mention.path, mention.line, f"domain.yml does not list the action {mention.name}")
