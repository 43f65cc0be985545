import { beforeEach, describe, expect, it } from "vitest";
import { element } from "./dom";
import { link, markdown, safeAddress } from "./text";
import { setWords } from "./words";

const html = (text: string): string => markdown(text).map((block) => block.outerHTML).join("");
const hrefs = (text: string): (string | null)[] =>
  [...element("div", {}, ...markdown(text)).querySelectorAll("a")].map((found) => found.getAttribute("href"));

beforeEach(() => setWords({ new_tab: "Opens in a new tab" }));

describe("an address", () => {
  it.each(["https://example.com/a?b=c", "http://example.com/", "tel:911", "mailto:a@example.com"])("%s may be a link", (address) => {
    expect(safeAddress(address)).toBe(address);
  });

  it.each([
    "javascript:alert(1)",
    "JaVaScRiPt:alert(1)",
    "\u0001javascript:alert(1)",
    "data:text/html,<script>alert(1)</script>",
    "vbscript:x",
    "file:///etc/passwd",
    "blob:https://example.com/x",
    "/chat",
    "//example.com",
    "",
  ])("%j may not", (address) => {
    expect(safeAddress(address)).toBeNull();
  });
});

describe("a link", () => {
  it("to a web page opens apart, without a way back to the chat, and says so", () => {
    const made = link("https://example.com/", "", "Example");
    expect([made.getAttribute("target"), made.getAttribute("rel"), made.title]).toEqual([
      "_blank",
      "noopener noreferrer",
      "Opens in a new tab",
    ]);
  });

  it("that dials stays in the page", () => {
    expect(link("tel:911", "", "Call 911").hasAttribute("target")).toBe(false);
  });

  it("that is not safe is only its words", () => {
    expect(link("javascript:alert(1)", "", "Click").outerHTML).toBe("<span>Click</span>");
  });
});

describe("small Markdown", () => {
  it.each([
    ["one line", "<p>one line</p>"],
    ["two\n\nparagraphs", "<p>two</p><p>paragraphs</p>"],
    ["two\nlines", "<p>two<br>lines</p>"],
    ["**bold** word", "<p><strong>bold</strong> word</p>"],
    ["- one\n- **two**", "<ul><li>one</li><li><strong>two</strong></li></ul>"],
    ["Before:\n- one\nstill one\n- two", "<p>Before:</p><ul><li>one<br>still one</li><li>two</li></ul>"],
    ["**[Call 911](tel:911)**", '<p><strong><a href="tel:911" class="">Call 911</a></strong></p>'],
    ["2 ** 3 and [x]", "<p>2 ** 3 and [x]</p>"],
  ])("%j", (text, expected) => {
    expect(html(text)).toBe(expected);
  });

  it.each([
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "**<b>x</b>**",
    "[<i>x</i>](https://example.com)",
    "- <svg onload=alert(1)>",
  ])("shows %s as text and never as markup", (text) => {
    const made = element("div", {}, ...markdown(text));
    expect(made.querySelector("script,img,b,i,svg")).toBeNull();
    expect(made.textContent).toContain("<");
  });

  it("makes no link of an address that is not safe", () => {
    expect(html("[here](javascript:alert(1))")).not.toContain("href");
  });
});

describe("a phone number in the text", () => {
  it.each([
    ["call (202) 555-0140.", ["tel:+12025550140"]],
    ["202-555-0140 or 202.555.0141", ["tel:+12025550140", "tel:+12025550141"]],
    ["+1 202 555 0140", ["tel:+12025550140"]],
    ["1-800-799-7233", ["tel:+18007997233"]],
    ["[(202) 555-0140](tel:+12025550140)", ["tel:+12025550140"]],
  ])("%s can be tapped", (text, expected) => {
    expect(hrefs(text)).toEqual(expected);
  });

  it.each(["$120 or 2026-11-23", "order 1234567890123", "text START to 88788", "5202-555-01401"])("%s is none", (text) => {
    expect(hrefs(text)).toEqual([]);
  });
});
