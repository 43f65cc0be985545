import { afterEach, describe, expect, it, vi } from "vitest";
import { NeedlewiseChat } from "./element";

vi.stubGlobal("visualViewport", { scale: 1, height: 800, offsetTop: 0 });

function make(attributes: Record<string, string>): NeedlewiseChat {
  const element = document.createElement("needlewise-chat");
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  return element;
}

afterEach(() => document.body.replaceChildren());

describe("<needlewise-chat>", () => {
  it("draws the button where it stands", () => {
    const element = make({ service: "https://chat.example.com", clinic: "demo", label: "Ask us" });
    document.body.append(element);
    expect(element.shadowRoot?.querySelector("button")?.textContent).toBe("Ask us");
  });

  it("draws it once, however often it is moved", () => {
    const element = make({ service: "https://chat.example.com", clinic: "demo" });
    document.body.append(element);
    document.body.append(element);
    expect(element.shadowRoot?.querySelectorAll("dialog")).toHaveLength(1);
  });

  it.each([[{ clinic: "demo" }], [{ service: "https://chat.example.com" }]])("says what it lacks: %o", (attributes) => {
    expect(() => make(attributes).connectedCallback()).toThrow("needs the attributes service and clinic");
  });

  it("can be called before it is on the page", () => {
    const element = make({});
    expect(() => element.close()).not.toThrow();
  });
});
