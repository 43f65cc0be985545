"""The browser that tests and bench drive: Debian's, which tests/support/system_tools installs where it can."""

import shutil

CHROMIUM = shutil.which("chromium")

CHROMIUM_OPTIONS = [
    # The sandbox needs rights that containers do not have; only our own pages are opened.
    "--no-sandbox",
    # This stands in for Playwright's list, which takes from frames the storage that browsers give them.
    "--disable-features=Translate",
]
