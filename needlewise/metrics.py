"""What Prometheus may know: counts and times, never a conversation or a word."""

from prometheus_client import Counter, Gauge, Histogram

conversations = Counter("needlewise_conversations", "Conversations opened", ["channel"])
turns = Counter("needlewise_turns", "Turns answered, by what they came to", ["channel", "outcome"])
turn_seconds = Histogram(
    "needlewise_turn_seconds",
    "Seconds from a claimed message to its reply, without storing it",
    ["channel"],
    buckets=(0.005, 0.01, 0.02, 0.03, 0.05, 0.1, 0.2, 0.5, 1, 5),
)
requests_seconds = Histogram(
    "needlewise_http_seconds",
    "Seconds a request took",
    ["method", "path", "status"],
    buckets=(0.01, 0.03, 0.1, 0.3, 1, 5),
)
ready = Gauge("needlewise_ready", "1 when a turn works")
texts_in = Counter("needlewise_texts_in", "Webhooks of texts: new, repeat or forged", ["kind"])
texts = Counter("needlewise_texts", "Sends of texts: sent, found, refused or unknown", ["outcome"])
text_seconds = Histogram(
    "needlewise_text_seconds",
    "Seconds from a committed reply to the provider's word that it has it",
    buckets=(0.05, 0.1, 0.3, 0.5, 1, 3, 10, 30, 60, 300, 3600),
)
