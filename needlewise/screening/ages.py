"""The age of the person who would be needled, where a message says it."""

from collections.abc import Sequence

_CHILDREN = {
    "son", "daughter", "kid", "child", "boy", "girl", "grandson", "granddaughter", "grandkid", "grandchild", "teen",
    "teenager", "stepson", "stepdaughter", "nephew", "niece", "sons", "daughters", "kids",
}  # fmt: skip
_PERSONS = {"i", "he", "she"}
_YEARS_OLD = {"yo", "yr", "yrs", "year", "years", "y", "y/o", "yearold", "yearsold"}
# After the number these say that it is no age: "im 15 minutes away", "I'm 8 weeks pregnant", "I am 5 ft".
_OTHER_UNITS = {
    "minute", "minutes", "min", "hour", "hours", "day", "days", "week", "weeks", "month", "months", "mile", "miles",
    "feet", "foot", "ft", "inches", "inch", "pounds", "lbs", "lb", "kg", "percent", "%", "blocks", "block", "st", "nd",
    "th", "pm", "am", "visits", "sessions", "times", "steps", "out", "to", "of", "/", ":", "in", "mg", "or", "stone",
    "mm", "cm", "'", '"', "pills", "hrs", "mins", "km", "k", "sizes", "size", "people", "weeksalong", "medications", "meds",
}  # fmt: skip
# A child who only comes along, or whose minder is sought, is no patient.
_NOT_THE_PATIENT = {
    "bring", "bringing", "sitter", "babysitter", "watch", "along", "childcare", "daycare", "with",
}  # fmt: skip


def patient_age(words: Sequence[str]) -> int | None:
    """The age in years that is said of the writer, or of a child they write for; None when none is said."""
    for index, word in enumerate(words):
        if not word.isdigit() or len(word) > 2:
            continue
        before, after = words[max(index - 4, 0) : index], words[index + 1 : index + 4]
        if after and after[0] in _OTHER_UNITS:
            continue
        years = bool(after) and (after[0] in _YEARS_OLD or (after[0] == "-" and after[1:2] == ["year"]))
        if years and not _says_age(after):
            continue
        if _of_the_patient(words, before, after, years=years):
            return int(word)
    return None


def _says_age(after: Sequence[str]) -> bool:
    """ "15 years old" and "15 yo", not "15 years of running" nor "15 years ago"."""
    if after[0] in ("yo", "y/o", "yearold", "yearsold"):
        return True
    return "old" in after or "/" in after or "o" in after


def _of_the_patient(
    words: Sequence[str], before: Sequence[str], after: Sequence[str], *, years: bool
) -> bool:
    near = before[-1] if before else ""
    of_child = any(word in _CHILDREN for word in (*before, *after))
    if of_child and any(word in _NOT_THE_PATIENT for word in words):
        return False
    if near == "have" or ("have" in before and years and of_child):
        return False  # "I have a 13 year old at home"
    if near in ("age", "aged"):
        return not {"since", "at", "from"} & set(before[:-1])
    if of_child and (near in _CHILDREN or near in ("is", "only", "'s", "just", "turned", "(", ",") or years):
        return True
    if near in ("am", "is", "only", "just", "turned", "'s") and any(word in _PERSONS for word in before):
        return "like" not in before and "it" not in before  # "explain it like I am five"
    # "15 yo", "16 years old male", as the whole message or its beginning.
    return years and not before
