"""What made-up patients write. None of it is in the training or the test data, and no real person said it."""

from collections.abc import Mapping
from types import MappingProxyType

QUESTIONS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "what": (
            "my neighbour swears by dry needling, what do they actually do there",
            "can someone explain dry needling to a total beginner",
            "so dry needling.. what happens to my foot exactly",
        ),
        "price": (
            "roughly what would one visit set me back",
            "what do you charge for the foot needling thing",
            "how pricey is a treatment, ballpark is fine",
        ),
        "insurance": (
            "will my health plan pay for any of this",
            "do you guys bill insurance or is it all out of pocket",
            "would blue cross chip in for the needles",
        ),
        "pain": (
            "on a scale from 1 to 10 how bad do the needles feel",
            "is it gonna sting a lot? my heel is already so tender",
            "does the needling itself hurt much in the heel area",
        ),
        "works": (
            "honest answer please, does needling really fix a sore heel",
            "is there any proof this helps plantar fasciitis",
            "my doctor shrugged when i asked about needles. do they work",
        ),
        "sessions": (
            "how often would i need to come in before my heel is ok",
            "is one appointment enough or is it more like ten",
            "how many rounds of needling do most ppl get",
        ),
        "when": (
            "how soon would i notice a difference after needling",
            "if i get needled on friday could i be fine by next week",
        ),
        "after": (
            "what should i avoid the day after being needled",
            "can i take a hot bath the evening after treatment",
            "am i allowed to jog straight after my session",
        ),
        "side": (
            "any downsides or risks i should know abt",
            "will i be covered in bruises afterwards",
            "what can go wrong with needles in the foot",
        ),
        "acupuncture": (
            "so is this just acupuncture with another name",
            "whats the difference between this and what an acupuncturist does",
        ),
        "exercise": (
            "which stretches can i do at home for my heel",
            "got any exercises for the arch of my foot i can do by my desk",
        ),
        "shoes": (
            "do fancy insoles help or are they a waste of money",
            "what sort of sneakers are best with a sore heel",
        ),
        "what_pf": (
            "what even is plantar fasciitis",
            "heel kills me first thing out of bed, is that plantar fasciitis",
        ),
        "how_long": (
            "how many months does this heel misery usually go on",
            "will plantar fasciitis ever go away by itself",
        ),
        "hours": (
            "are you open saturdays",
            "what time do you close on thursdays",
            "whats your phone number please",
        ),
        "where": (
            "where exactly are you, is there parking nearby",
            "which of your offices is nearest downtown",
        ),
        "who": (
            "who sticks the needles in, a doctor or a therapist",
            "what training do your needling people have",
        ),
        "referral": ("do i need a note from my gp first", "can i just come or must a doctor send me"),
        "blood": (
            "i take eliquis, is needling ok for me",
            "im on warfarin since my heart thing, still possible?",
        ),
        "pregnant": ("i am 5 months pregnant, can i have this done", "is it safe with a baby on the way"),
        "child": ("my 13 year old has heel pain from soccer, do you treat kids",),
        "fear": ("needles make me faint, is there anything you do about that", "im terrified of needles lol"),
        "alternatives": (
            "what else could i try besides needles",
            "cortisone shot or needling, which is better for a heel",
        ),
        "run": (
            "can i keep training for my 10k with this heel",
            "is walking the dog every day bad for my plantar fasciitis",
        ),
        "vague": (
            "how long does it take",
            "is it worth it tho",
            "and the other foot?",
            "is it the same for everybody",
        ),
        "knee": ("do you also needle knees and shoulders", "could you do my stiff neck while im there"),
    }
)

UNKNOWN = (
    "do you sell gift cards for mothers day",
    "is there a bus that stops outside",
    "can i bring my dog to the appointment",
    "do you have a loyalty programme",
    "are you hiring front desk people",
    "what do you think about laser therapy for toenail fungus",
    "can you write me a sick note for work",
    "do you have wifi in the waiting room",
    "is the building ok for a wheelchair",
    "can my husband pay by check for me",
    "do you give a student discount",
    "would you do shockwave as well",
    "do you offer cupping as well",
    "can i get a receipt for my fsa",
)

URGENT = (
    "my calf is hot, red and swollen since yesterday and hurts when i touch it",
    "since the needling my foot is red and hot and i have fever and chills",
    "i suddenly cant breathe well and my chest is tight",
    "i cant feel my foot at all any more since this morning and cant move it",
    "heard a pop in my heel an hour ago and now i cant put any weight on it",
)
CRISIS = (
    "the pain never stops and i dont want to be alive any more",
    "honestly thinking about ending it all",
)
DOCTOR = ("the skin on my heel has an open sore that wont heal", "my heel has been numb and tingly for weeks")

PERSON = (
    "can i talk to someone at the desk please",
    "id rather speak with a human being",
    "pls have a real person call me",
)
WANTS_SCREENING = (
    "could needling be right for me",
    "am i even somebody who can have this",
    "is it ok for me, can we check",
)
WANTS_VISIT = (
    "id like to book a visit",
    "can i make an appointment for next week",
    "ok lets book something for my heel",
)
STOP = ("please stop texting me", "STOP", "unsubscribe")
THANKS = ("thanks thats helpful", "great ty", "ok thank you so much", "cheers")
HELLO = ("hi there", "hello", "hey", "good morning")

FIRST_NAMES = (
    "Avery", "Bianca", "Carmen", "Dale", "Elena", "Felix", "Gloria", "Hank", "Imani", "Jonas", "Keiko", "Lucia", "Marcus",
    "Nadia", "Owen", "Priya", "Quinn", "Rosa", "Samir", "Tessa", "Vera", "Wesley", "Yusuf", "Zoe",
)  # fmt: skip
TIMES = (
    "weekday mornings", "after 4 pm", "tuesday or thursday afternoon", "any day before noon", "fridays", "monday evening if you can",
)  # fmt: skip
DISLIKES = ("that was not what i asked", "too vague", "i wanted a price")
