"""What a mail to the clinic says: a reference or two figures, and where to look. Nothing of a patient."""

from needlewise.content.render import Place, Renderer
from needlewise.db.outbox import Parcel


def written(parcel: Parcel, place: Place, renderer: Renderer, console: str) -> tuple[str, str]:
    """Subject and body. `console` is the address of the staff console, such as https://chat.example.org/staff."""
    if "reference" in parcel.payload:
        reference = str(parcel.payload["reference"])
        address = f"{console}/bookings/{reference}"
        subject = renderer.words("booking.mail_subject", place, reference=reference)
        return subject, renderer.words("booking.mail_body", place, reference=reference, address=address)
    open_, overdue = str(parcel.payload["open"]), str(parcel.payload["overdue"])
    address = f"{console}/bookings"
    subject = renderer.words("booking.mail_digest_subject", place, open=open_)
    return subject, renderer.words(
        "booking.mail_digest_body", place, open=open_, overdue=overdue, address=address
    )
