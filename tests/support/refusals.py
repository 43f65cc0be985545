"""What a refused request tells the patient."""

import httpx

from needlewise import wiring


def refusal(response: httpx.Response) -> tuple[int, str]:
    """Status and error of a refusal, after seeing that it carries the sentence of that name from content/phrases."""
    body = response.json()
    services = wiring.services()
    place = services.place(None, "web", "en")
    assert set(body) == {"error", "message"}
    assert body["message"] == services.renderer.words(f"conversation.{body['error']}", place)
    return response.status_code, body["error"]
