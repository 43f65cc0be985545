/**
 * <needlewise-chat service="https://chat.example.com/" clinic="demo"></needlewise-chat>: the chat's button, for pages that bundle
 * their scripts. What stands inside the element is shown until this script runs: put the clinic's number there.
 */
import { mount, type Chat, type Events, type Listener } from "./launcher";

export type { Chat, Events, Listener };

export class NeedlewiseChat extends HTMLElement implements Chat {
  #chat: Chat | null = null;

  connectedCallback(): void {
    if (this.#chat) return;
    const get = (name: string): string | undefined => this.getAttribute(name) ?? undefined;
    const clinic = get("clinic");
    const service = get("service");
    if (!clinic || !service) throw new Error("<needlewise-chat> needs the attributes service and clinic");
    this.#chat = mount(this, new URL(service.endsWith("/") ? service : `${service}/`, location.href).href, {
      clinic,
      position: get("position"),
      accent: get("accent"),
      language: get("language"),
      label: get("label"),
      phone: get("phone"),
      zIndex: get("z-index"),
      open: get("open"),
      greetingDelay: get("greeting-delay"),
    });
  }

  open(): void {
    this.#chat?.open();
  }

  close(): void {
    this.#chat?.close();
  }

  send(text: string): void {
    this.#chat?.send(text);
  }

  on<Name extends keyof Events>(event: Name, listener: Listener<Name>): void {
    this.#chat?.on(event, listener);
  }

  off<Name extends keyof Events>(event: Name, listener: Listener<Name>): void {
    this.#chat?.off(event, listener);
  }
}

if (!customElements.get("needlewise-chat")) customElements.define("needlewise-chat", NeedlewiseChat);

declare global {
  interface HTMLElementTagNameMap {
    "needlewise-chat": NeedlewiseChat;
  }
}
