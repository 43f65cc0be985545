"""What a page loads for the chat, beside other chat widgets: gzip -9 of the files themselves, as one Markdown table.

Ours are the built files in needlewise/channels/web/widget. The others' are fetched by `npm pack` at the versions below, which were
the newest in November 2026, and nothing of them is run: the file that their documentation tells a site to load, and its style sheet
where it has one.
"""

import argparse
import gzip
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
BUILT = ROOT / "needlewise" / "channels" / "web" / "widget"
SECONDS = 120


@dataclass(frozen=True)
class Peer:
    package: str
    files: tuple[str, ...]
    name: str = ""


# What a page must load beside these counts too: without React, Botpress's web chat does nothing.
PEERS = (
    Peer("deep-chat@2.4.2", ("dist/deepChat.bundle.js",)),
    Peer("@typebot.io/js@0.10.7", ("dist/web.js",)),
    Peer("rasa-webchat@1.0.1", ("lib/index.js",)),
    Peer("@botpress/webchat@4.5.2", ("dist/index.js", "dist/style.css"), "without React, which it needs"),
    Peer("botframework-webchat@4.18.1", ("dist/webchat-minimal.js",), "minimal"),
    Peer("botframework-webchat@4.18.1", ("dist/webchat.js",), "full"),
)


def sizes_of_ours() -> Iterator[tuple[str, int, int]]:
    loader = (BUILT / "widget.js").read_bytes()
    chat = [path.read_bytes() for path in sorted(BUILT.iterdir()) if path.name.startswith("chat-")]
    yield "Needlewise, before the click", len(loader), squeezed(loader)
    frame = frame_as_sent()
    contents = [loader, frame, *chat]
    yield "Needlewise, in all", sum(map(len, contents)), sum(map(squeezed, contents))


def frame_as_sent() -> bytes:
    """The frame's page with the words and the facts of the demo clinic."""
    sys.path.insert(0, str(ROOT))
    from needlewise import wiring
    from needlewise.channels.web.widget import Widget
    from needlewise.settings import read_settings

    return Widget(wiring.build(read_settings({}))).frame_page("demo", "en").encode()


def sizes_of_peers(folder: Path) -> Iterator[tuple[str, int, int]]:
    for peer in PEERS:
        contents = list(packed_files(peer, folder))
        name = " ".join(peer.package.rsplit("@", 1))
        note = f" ({peer.name})" if peer.name else ""
        yield f"{name}{note}", sum(map(len, contents)), sum(map(squeezed, contents))


def packed_files(peer: Peer, folder: Path) -> Iterator[bytes]:
    packed = subprocess.run(
        ["npm", "pack", peer.package, "--silent", "--pack-destination", str(folder)],
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=True,
    )
    with tarfile.open(folder / packed.stdout.strip().splitlines()[-1]) as archive:
        for name in peer.files:
            member = archive.extractfile(f"package/{name}")
            if member is None:
                raise SystemExit(f"{peer.package} has no {name}")
            yield member.read()


def squeezed(content: bytes) -> int:
    return len(gzip.compress(content, 9))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ours", action="store_true", help="Only our own files; fetches nothing.")
    ours_only = parser.parse_args().ours
    rows = list(sizes_of_ours())
    if not ours_only:
        with tempfile.TemporaryDirectory() as folder:
            rows += sizes_of_peers(Path(folder))
    print("| widget | bytes | gzip -9 |\n| --- | ---: | ---: |")
    for name, plain, small in rows:
        print(f"| {name} | {plain:,} | {small / 1024:.1f} KiB |")


if __name__ == "__main__":
    main()
