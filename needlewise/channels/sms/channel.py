"""The text channel of one process, joined: its webhooks, and the work behind them."""

import asyncio

from starlette.routing import Route

from needlewise.channels.service import ChatService
from needlewise.channels.sms.answering import Answering
from needlewise.channels.sms.console import ConsoleProvider
from needlewise.channels.sms.inbox import Inbox
from needlewise.channels.sms.protocol import Provider
from needlewise.channels.sms.routes import CALLBACK, Webhooks
from needlewise.channels.sms.sending import Sending
from needlewise.channels.sms.threads import Threads
from needlewise.channels.sms.twilio import Twilio
from needlewise.errors import NeedlewiseError
from needlewise.settings import Settings
from needlewise.wiring import Services


class SmsChannel:
    """Made when NEEDLEWISE_SMS_PROVIDER is set. `routes` belong to the web process, `work` to it or to `needlewise worker`."""

    def __init__(self, services: Services, chat: ChatService, *, provider: Provider | None = None) -> None:
        """`provider` stands in for the one of the settings."""
        inbox = Inbox(services.engine, services.seal)
        threads = Threads(services.engine, services.seal)
        self.answering = Answering(services, chat, inbox, threads)
        self.sending = Sending(
            services, threads, provider or provider_of(services.settings), self.answering.to_send
        )
        self.webhooks = Webhooks(services, inbox, threads, self.answering, self.sending)

    def routes(self) -> list[Route]:
        return self.webhooks.routes()

    def wake(self) -> None:
        """Have the work look up, to find more to do or that it is over."""
        self.answering.woken.set()
        self.sending.woken.set()

    async def work(self, stopping: asyncio.Event) -> None:
        """Answer what comes in and send what is to leave, until the service stops."""
        await asyncio.gather(self.answering.run(stopping), self.sending.run(stopping))


def provider_of(settings: Settings) -> Provider:
    """Who carries texts in this deployment. Raises NeedlewiseError when the settings name nobody."""
    if settings.sms_provider == "console":
        return ConsoleProvider()
    if settings.sms_provider != "twilio" or not settings.twilio_account or not settings.twilio_token:
        raise NeedlewiseError(
            "NEEDLEWISE_SMS_PROVIDER, _TWILIO_ACCOUNT and _TWILIO_TOKEN are needed for texts"
        )
    callback = settings.public_address.rstrip("/") + CALLBACK if settings.public_address else None
    return Twilio(settings.twilio_account, settings.twilio_token, settings.twilio_url, callback=callback)
