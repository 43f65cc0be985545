"""What the patients of the bench ask."""

QUESTIONS = (
    "what is dry needling",
    "does it hurt? im kinda nervous",
    "how much does it cost and does insurance pay",
    "is it the same as acupuncture",
    "how many visits will i need before i can run again",
    "whats plantar fasciitis exactly",
    "why did i get this, i only walk to work",
    "Do I need a referral from my doctor?",
    "where do the needles go",
    "is there medicine in the needle or is it just the needle",
    "what are the side effects",
    "my heel has been killing me every morning for 3 months. how long does this usually last?",
    "what shoes should i wear",
    "can i keep running with heel pain",
    "whats better, a cortisone shot or needling",
    "who does the needling there, a doctor or a therapist",
    "how soon will i feel better",
    "what should i do after the needling, can i shower",
    "any streches i can do at home",
    "where are you guys and when are you open",
    "does it even work for heel pian",
)
"""As many as turns in a window (figures.WINDOW): every window then holds each question once, and windows compare."""
