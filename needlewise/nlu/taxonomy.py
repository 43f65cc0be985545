"""The ids that the logs, the content, the training data and the tests share.

A topic is what a patient asks about: it has an answer in content/answers. An act is what a patient does. Every act has an
intent in data/nlu except those in WITHOUT_INTENT, which safety triage decides before and apart from the classifier.
"""

TOPICS = (
    "what_is_dry_needling",
    "how_does_it_work",
    "is_it_acupuncture",
    "acupuncture_combined",
    "does_it_hurt",
    "where_do_needles_go",
    "is_there_medicine",
    "session_what_to_expect",
    "does_it_work",
    "how_long_until_results",
    "how_many_sessions",
    "how_long_results_last",
    "side_effects",
    "aftercare",
    "am_i_a_candidate",
    "fear_of_needles",
    "blood_thinners_bleeding",
    "pregnancy",
    "medical_conditions",
    "children_age",
    "other_body_parts",
    "what_is_plantar_fasciitis",
    "heel_spur_or_pf",
    "causes_risk_factors",
    "how_long_does_pf_last",
    "home_exercises",
    "shoes_orthotics",
    "activity_with_pf",
    "other_treatments",
    "cortisone_or_surgery",
    "who_performs_it",
    "locations",
    "hours_contact",
    "cost",
    "insurance",
    "referral_needed",
    "telehealth",
)

WITHOUT_INTENT = ("urgent_red_flag", "crisis")

ACTS = (
    "book_appointment",
    "change_appointment",
    "talk_to_human",
    "diagnose_me",
    "urgent_red_flag",
    "crisis",
    "opt_out",
    "privacy",
    "bot_identity",
    "language",
    "greet",
    "goodbye",
    "thanks",
    "feedback_positive",
    "feedback_negative",
    "affirm",
    "deny",
    "unsure",
    "ask_why",
    "start_over",
    "out_of_scope",
)

INTENTS = (*TOPICS, *(act for act in ACTS if act not in WITHOUT_INTENT))
"""Every id that has examples in data/nlu."""

MOST_ASKED = (
    "what_is_dry_needling",
    "does_it_hurt",
    "does_it_work",
    "cost",
    "insurance",
    "book_appointment",
    "how_many_sessions",
    "how_long_until_results",
    "session_what_to_expect",
    "is_it_acupuncture",
    "side_effects",
    "aftercare",
    "am_i_a_candidate",
    "how_does_it_work",
    "locations",
    "hours_contact",
    "talk_to_human",
    "home_exercises",
    "other_treatments",
    "what_is_plantar_fasciitis",
)
"""What we expect patients to ask most, and so want most examples of. A guess: change it when the log knows better."""

_WANTED, _WANTED_OF_THE_MOST_ASKED = 35, 60

GENERAL_TOPIC = "am_i_a_candidate"
CONDITION_TOPICS = frozenset(
    {
        "pregnancy",
        "blood_thinners_bleeding",
        "medical_conditions",
        "children_age",
        "fear_of_needles",
        "cortisone_or_surgery",
    }
)
"""What may stand in somebody's way: a question about one of these belongs to it, not to the general one."""

ACTS_BESIDE_A_QUESTION = frozenset(
    {
        "book_appointment",
        "change_appointment",
        "talk_to_human",
        "diagnose_me",
        "opt_out",
        "privacy",
        "bot_identity",
        "language",
    }
)
"""What a patient may do in the same message as ask; the others are the whole message or nothing."""

DECLINED = "out_of_scope"
UNSURE = "nlu_fallback"
"""Rasa's own name for "between two topics"; it has no examples, the gate sets it."""

_TOPICS = frozenset(TOPICS)


def is_topic(name: str) -> bool:
    """Whether this id names something with an answer."""
    return name in _TOPICS


def examples_wanted(intent: str) -> int:
    """How many examples data/nlu should have of this intent at the least."""
    return _WANTED_OF_THE_MOST_ASKED if intent in MOST_ASKED else _WANTED
