"""Text messages: the carrier's webhooks in, one turn a message in order, and the outbox out."""
