"""A patient who chats over HTTP, for tests that read like a visit."""

import uuid
from dataclasses import dataclass, field
from typing import Any

import httpx


@dataclass
class Patient:
    """One conversation over /chat/v1. `last` are the messages of the latest reply."""

    client: httpx.AsyncClient
    token: str
    conversation: str
    last: list[dict[str, Any]] = field(default_factory=list)

    @classmethod
    async def arrives(cls, client: httpx.AsyncClient, *, clinic: str = "demo") -> "Patient":
        response = await client.post("/chat/v1/sessions", json={"clinic": clinic})
        assert response.status_code == 201, response.text
        body = response.json()
        return cls(client, body["token"], body["conversation"], body["messages"])

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}

    async def sends(self, *, id: str | None = None, **body: Any) -> httpx.Response:
        """Post a message and give the raw response."""
        return await self.client.post(
            "/chat/v1/messages", json={"id": id or str(uuid.uuid4()), **body}, headers=self.headers
        )

    async def says(self, text: str) -> list[dict[str, Any]]:
        return await self._taken(await self.sends(text=text))

    async def taps(self, *labels: str) -> list[dict[str, Any]]:
        """Tap the newest choices with these labels."""
        offered = {choice["label"]: choice["id"] for message in self.last for choice in message["choices"]}
        return await self._taken(await self.sends(choices=[offered[label] for label in labels]))

    async def fills(self, **fields: str) -> list[dict[str, Any]]:
        return await self._taken(await self.sends(fields=fields))

    async def _taken(self, response: httpx.Response) -> list[dict[str, Any]]:
        assert response.status_code == 200, response.text
        self.last = response.json()["messages"]
        return self.last

    @property
    def text(self) -> str:
        """All words of the latest reply."""
        return "\n".join(message["text"] for message in self.last)

    @property
    def topics(self) -> list[str]:
        """Topics that the latest reply answers."""
        return [answer["topic"] for message in self.last for answer in message["answers"]]

    @property
    def labels(self) -> list[str]:
        return [choice["label"] for message in self.last for choice in message["choices"]]
