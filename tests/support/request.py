"""The way from hello to a sent visit request at the demo clinic."""

from tests.support.patient import Patient

NAME = "Zelda Quuxley"
PHONE = "410-555-0123"
TIMES = "after my night shift at Brackenridge Dairy"


async def healthy_until_name(patient: Patient) -> None:
    """Ask for a visit and answer everything up to the question for a name."""
    await patient.taps("Ask for a visit")
    for _ in range(3):
        await patient.taps("None of these")
    await patient.taps("Mill Street")
    await patient.taps("First visit with an exam")


async def books(patient: Patient) -> str:
    """Send a visit request; its reference number."""
    await healthy_until_name(patient)
    await patient.says(NAME)
    await patient.says(PHONE)
    await patient.says(TIMES)
    await patient.taps("Yes")
    await patient.taps("Yes, send it")
    return patient.text.split("**")[1]
