"""What we say: load it, check it, render it for a channel, a language and a clinic."""
