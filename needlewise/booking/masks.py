"""Names and ways to reach somebody, masked: enough to tell two requests apart, too little to reach anybody."""


def masked_name(name: str) -> str:
    """The first letter: "Jenny Park" gives "J."."""
    return f"{name.strip()[:1].upper() or '•'}."


def masked_contact(contact: str) -> str:
    """A phone number's last two digits, or the first letter of an e-mail address.

    "+12025550142" gives "(•••) •••-••42", and "jenny@example.com" gives "j•••@•••".
    """
    if "@" in contact:
        return f"{contact[:1]}•••@•••"
    last = "".join(sign for sign in contact if sign.isdigit())[-2:]
    return f"(•••) •••-••{last}" if contact.startswith("+1") else f"+•• ••• •••{last}"
