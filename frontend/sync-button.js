// <sync-button meeting="11" variant="row | panel">: what the service knows of a meeting's sync, and
// what a person can do about it. docs/frontend.md shows how to use it.
import { follow } from "./follow.js";

/**
 * @typedef {import("./follow.js").Sync} Sync
 * @typedef {{base?: string, token: (refused?: string) => string | null | Promise<string | null>}} Service
 */

/** @type {Service} */
let service = { token: () => null };
/** @type {ReturnType<typeof follow> | undefined} */
let following;
/** @type {Map<number, Set<SyncButton>>} */
const shown = new Map();
let isPlanned = false;

/** Where the service is and how to sign in; the same as for follow(). @param {Service} given */
export function configure(given) {
  following?.stop();
  following = undefined;
  service = given;
  plan();
}

/** One following for all buttons of the page. */
function plan() {
  if (isPlanned) return;
  isPlanned = true;
  queueMicrotask(() => {
    isPlanned = false;
    const meetings = [...shown.keys()];
    if (following) following.set(meetings);
    else if (meetings.length) {
      following = follow({
        ...service,
        meetings,
        onChange: (sync) => shown.get(sync.meeting_id)?.forEach((button) => button.show(sync)),
        onGone: (id) => shown.get(id)?.forEach((button) => button.lose()),
        onState: (state) => shown.forEach((buttons) => buttons.forEach((one) => one.tell(state))),
      });
    }
  });
}

const TEXTS = {
  en: {
    sending: "Sending …",
    offline: "No connection. This is what we knew at {time}.",
    ended: "Your session has ended. Please sign in again.",
    gone: "This meeting is no longer here.",
    asOf: "As of {time}",
    details: "Details",
    copy: "Copy",
    copied: "Copied",
    failed: "That did not work. Please try again.",
  },
  de: {
    sending: "Wird gesendet …",
    offline: "Keine Verbindung. Das ist der Stand von {time}.",
    ended: "Ihre Sitzung ist zu Ende. Bitte melden Sie sich wieder an.",
    gone: "Diesen Termin gibt es hier nicht mehr.",
    asOf: "Stand: {time}",
    details: "Einzelheiten",
    copy: "Kopieren",
    copied: "Kopiert",
    failed: "Das hat nicht geklappt. Bitte versuchen Sie es noch einmal.",
  },
};
/** Icons and tones. @type {Record<string, string>} */
const LOOKS = {
  synced: "✓good",
  failed: "!bad",
  paused: "‖warn",
  retrying: "↻warn",
  out_of_date: "✎warn",
  queued: "…busy",
  syncing: "↑busy",
  waiting: "…busy",
  removing: "↓busy",
};
/** @type {Record<string, string>} */
const EVENTS = { connect: "connect", reconnect: "connect", edit: "edit" };

const sheet = new CSSStyleSheet();
sheet.replaceSync(`
:host { --good: var(--sync-good, light-dark(#1a7f4b, #5fd39a)); --bad: var(--sync-bad, light-dark(#b42318, #ff9088));
  --warn: var(--sync-warn, light-dark(#8a5a00, #f0c063)); --busy: var(--sync-busy, light-dark(#2456c8, #8db4ff));
  --calm: var(--sync-calm, light-dark(#5c6370, #a8afbb)); --line: var(--sync-line, light-dark(#d9dce1, #3c424d));
  display: block; position: relative; font: var(--sync-font, inherit); line-height: 1.45; }
[hidden] { display: none !important; }
#top, #badge, #bar, #actions { display: flex; flex-wrap: wrap; align-items: center; gap: .4rem .75rem; }
#top { min-block-size: 2rem; }
#badge { flex: 1 1 11rem; flex-wrap: nowrap; color: var(--tone); font-weight: 550; }
:host([variant=panel]) #badge { font-size: 1.15em; }
#icon { flex: none; inline-size: 1.35em; text-align: center; border: 1.5px solid; border-radius: 1em; line-height: 1.25; font-size: .85em; }
#bar { flex: 1 1 7rem; max-inline-size: 14rem; flex-wrap: nowrap; gap: 2px; }
#bar i { block-size: .5rem; background: var(--line); border-radius: 1em; overflow: hidden; }
#bar b { display: block; block-size: 100%; background: var(--tone); }
#count, #more, .quiet { color: var(--calm); font-variant-numeric: tabular-nums; }
button { font: inherit; color: inherit; background: none; border: 1px solid var(--line); border-radius: .4em;
  padding: .2em .8em; min-block-size: 1.75rem; cursor: pointer; }
.main { border-color: currentColor; font-weight: 550; } #more { border-color: transparent; }
[aria-disabled=true] { opacity: .6; }
:focus-visible { outline: 2px solid var(--busy); outline-offset: 2px; }
#body { padding-block: .25rem .5rem; max-inline-size: 42rem; overflow-wrap: anywhere; }
p, ul { margin: .35rem 0; padding-inline-start: 0; list-style: none; } a { color: var(--busy); }
#error { border-inline-start: 3px solid var(--tone); padding-inline-start: .75rem; }
#title { display: block; }
#said { position: absolute; inline-size: 1px; block-size: 1px; overflow: hidden; clip-path: inset(50%); }
@media (forced-colors: active) { #bar i { border: 1px solid; } #bar b { background: Highlight; forced-color-adjust: none; } }
`);
const template = document.createElement("template");
template.innerHTML = `<div id="top"><span id="badge" part="badge"><span id="icon" aria-hidden="true"></span><span id="head"></span></span>
<span id="bar" part="bar" role="progressbar"></span><span id="count" part="countdown" aria-hidden="true"></span>
<span id="first"></span><button id="more" type="button" aria-controls="body" part="disclosure"></button></div>
<div id="body" part="body"><p id="note" part="note"></p><p id="detail"></p><p id="next"></p>
<div id="error" part="error"><strong id="title"></strong><span id="message"></span> <span id="remedy"></span>
<p class="quiet"><span id="reference"></span> <button id="copy" type="button" part="button"></button></p></div>
<ul id="records" part="records"></ul><div id="actions"></div><p id="asof" class="quiet"></p></div>
<span id="said" role="status"></span>`;

export class SyncButton extends HTMLElement {
  static observedAttributes = ["meeting", "variant"];
  /** @type {Sync | undefined} */
  sync;
  #at = 0;
  #state = "";
  #acted = false;
  #isOpen = false;
  #note = "";
  /** @type {number | undefined} */
  #ticking;

  constructor() {
    super();
    const root = this.attachShadow({ mode: "open" });
    root.adoptedStyleSheets = [sheet];
    root.append(template.content.cloneNode(true));
    this.#part("more").onclick = () => this.#open(!this.#isOpen);
    this.#part("copy").onclick = () => this.#copy();
  }

  get meeting() {
    return Number(this.getAttribute("meeting"));
  }
  get #isPanel() {
    return this.getAttribute("variant") === "panel";
  }
  get #language() {
    return this.closest("[lang]")?.getAttribute("lang") || navigator.language;
  }
  get #words() {
    return this.#language.startsWith("de") ? TEXTS.de : TEXTS.en;
  }
  /** @param {string} id @returns {HTMLElement} */
  #part(id) {
    return /** @type {HTMLElement} */ (this.shadowRoot?.getElementById(id));
  }

  connectedCallback() {
    shown.set(this.meeting, (shown.get(this.meeting) ?? new Set()).add(this));
    plan();
    this.#draw();
  }
  disconnectedCallback() {
    this.#forget(this.meeting);
    clearInterval(this.#ticking);
    this.#ticking = undefined;
  }
  /** @param {string} name @param {string | null} before */
  attributeChangedCallback(name, before) {
    if (!this.isConnected) return;
    if (name === "meeting") {
      this.#forget(Number(before));
      this.sync = undefined;
      this.connectedCallback();
    } else this.#draw();
  }
  /** @param {number} id */
  #forget(id) {
    const buttons = shown.get(id);
    buttons?.delete(this);
    if (!buttons?.size) shown.delete(id);
    plan();
  }

  /** Shows a document. @param {Sync} sync */
  show(sync) {
    const before = this.sync?.state;
    this.sync = sync;
    this.#at = following?.now() ?? Date.now();
    this.#note = "";
    if (before !== sync.state && sync.state === "failed") this.#isOpen = true;
    this.#draw();
    if (before && before !== sync.state) this.#say(sync.headline);
    if (before !== sync.state) this.#fire("statechange", { sync });
  }
  lose() {
    this.sync = undefined;
    this.#note = this.#words.gone;
    this.#draw();
    this.#fire("statechange", { sync: null });
  }
  /** @param {string} state Of the following. */
  tell(state) {
    this.#state = state;
    this.#draw();
  }

  #draw() {
    const { sync } = this;
    const look = LOOKS[sync?.state ?? ""] ?? "·calm";
    for (const id of ["top", "body"]) this.#part(id).style.setProperty("--tone", `var(--${look.slice(1)})`);
    this.#text("icon", look[0]);
    this.#text("head", sync?.headline ?? this.#note);
    this.#text("detail", sync?.detail);
    this.#text("next", sync?.next.text);
    this.#drawNote();
    this.#drawError();
    this.#drawRecords();
    this.#drawActions();
    this.#drawBar();
    this.#drawCount();
    const { asOf, details } = this.#words;
    this.#text("asof", sync && asOf.replace("{time}", this.#clock(this.#at)));
    const more = this.#part("more");
    this.#text("more", details);
    more.hidden = !sync || this.#isPanel;
    more.ariaExpanded = String(this.#isOpen);
    this.#part("body").hidden = !(sync && (this.#isOpen || this.#isPanel));
  }
  #drawNote() {
    const { offline, ended } = this.#words;
    const away = this.#state === "offline" ? offline.replace("{time}", this.#clock(this.#at)) : "";
    const told = this.#note || (this.#state === "signed out" ? ended : away);
    this.#text("note", told);
    this.#part("note").hidden = !told;
    if (told && this.sync) this.#isOpen ||= this.#acted;
  }
  #drawError() {
    const error = this.sync?.error;
    this.#part("error").hidden = !error;
    for (const name of ["title", "message", "remedy", "reference"]) this.#text(name, error?.[name]);
    this.#part("copy").hidden = !error?.reference;
    this.#text("copy", this.#words.copy);
  }
  #drawRecords() {
    const records = this.sync?.records ?? [];
    const list = this.#part("records");
    list.hidden = !records.length;
    this.#fill(list, records.length, "li", (row, index) => {
      const { name, url, reason } = records[index];
      const link = Object.assign(document.createElement("a"), { textContent: name, target: "_blank" });
      if (url) link.href = url;
      row.replaceChildren(link, reason ? ` – ${reason}` : "");
    });
  }
  /** The first of the actions stands in the row, all others below. */
  #drawActions() {
    const [first, ...others] = this.sync?.actions ?? [];
    this.#drawButtons(this.#part("first"), first ? [first] : [], "main");
    this.#drawButtons(this.#part("actions"), others, "");
  }
  /** @param {HTMLElement} place @param {any[]} actions @param {string} kind */
  #drawButtons(place, actions, kind) {
    this.#fill(place, actions.length, "button", (element, index) => {
      const button = /** @type {HTMLButtonElement} */ (element);
      button.type = "button";
      button.className = kind;
      button.part.value = `button ${kind}`;
      if (!button.ariaDisabled) button.textContent = actions[index].label;
      button.onclick = () => this.#act(actions[index], button);
    });
  }
  /** As many elements as are needed; those that stay keep the focus.
   * @param {HTMLElement} place @param {number} count @param {string} tag
   * @param {(element: HTMLElement, index: number) => void} draw */
  #fill(place, count, tag, draw) {
    while (place.children.length > count) place.lastElementChild?.remove();
    while (place.children.length < count) place.append(document.createElement(tag));
    [...place.children].forEach((child, index) => draw(/** @type {HTMLElement} */ (child), index));
  }
  #drawBar() {
    const progress = this.sync?.progress;
    const bar = this.#part("bar");
    bar.hidden = !progress || ["synced", "canceled"].includes(this.sync?.state);
    if (bar.hidden) return;
    bar.ariaLabel = progress.label;
    bar.ariaValueNow = progress.percent;
    bar.ariaValueText = `${progress.label}, ${progress.percent} %`;
    this.#fill(bar, progress.parts.length, "i", (place, index) => {
      const part = progress.parts[index];
      place.style.flex = `${part.to - part.from} 1 0`;
      const fill = place.firstElementChild ?? place.appendChild(document.createElement("b"));
      this.#grow(/** @type {HTMLElement} */ (fill), part);
    });
  }
  /** The part under way fills up by time, to 95 %. @param {HTMLElement} fill @param {any} part */
  #grow(fill, part) {
    const at = this.sync?.progress.step_started_at;
    const running = part.state === "active" && at && this.sync?.state === "syncing";
    const elapsed = running ? this.#now() - Date.parse(at) : 0;
    const expected = 1000 * part.expected_seconds || 1;
    const share = part.state === "done" ? 1 : running ? Math.min(0.95, Math.max(0, elapsed / expected)) : 0;
    fill.style.transition = "none";
    fill.style.inlineSize = `${100 * share}%`;
    if (!running || share >= 0.95 || matchMedia("(prefers-reduced-motion: reduce)").matches) return;
    fill.getBoundingClientRect(); // Else the browser would see the end alone.
    fill.style.transition = `inline-size ${expected * 0.95 - elapsed}ms linear`;
    fill.style.inlineSize = "95%";
  }
  /** Until the next try. Nobody is told of it by a screen reader. */
  #drawCount() {
    const at = this.sync?.next_attempt_at;
    const seconds = at ? Math.ceil((Date.parse(at) - this.#now()) / 1000) : 0;
    const told = new Intl.RelativeTimeFormat(this.#language, { style: "narrow" });
    const words = seconds > 99 ? told.format(Math.round(seconds / 60), "minute") : told.format(seconds, "second");
    this.#text("count", seconds > 0 ? words : "");
    if (seconds > 0) this.#ticking ??= setInterval(() => this.#drawCount(), 1000);
    else {
      clearInterval(this.#ticking);
      this.#ticking = undefined;
    }
  }

  /** @param {any} action @param {HTMLButtonElement} button */
  async #act(action, button) {
    if (button.ariaDisabled === "true") return;
    const name = EVENTS[action.name];
    if (name) return this.#fire(name, { meeting: this.meeting, field: this.sync?.error?.field });
    if (action.name === "help") return open(action.href, "_blank", "noopener");
    this.#acted = true;
    button.ariaDisabled = "true";
    button.textContent = this.#words.sending;
    try {
      await this.#send(action);
    } catch (error) {
      this.#note = error instanceof Refusal ? error.message : this.#words.failed;
      this.#isOpen = true;
      this.#say(this.#note);
    }
    button.ariaDisabled = null;
    this.#draw();
  }
  /** @param {any} action @param {string} [refused] @returns {Promise<void>} */
  async #send(action, refused) {
    const key = (await service.token(refused)) ?? "";
    const address = `${service.base ?? ""}${action.href}`;
    const answer = await fetch(address, { method: action.method, headers: { Authorization: key } });
    if (answer.status === 401 && !refused) return this.#send(action, key);
    const told = await answer.json().catch(() => ({}));
    if (!answer.ok) throw new Refusal(told.detail ?? "");
    if (told.meeting_id === this.meeting) this.show(told);
  }
  async #copy() {
    await navigator.clipboard?.writeText(this.sync?.error?.reference ?? "");
    this.#text("copy", this.#words.copied);
    this.#say(this.#words.copied);
  }
  /** @param {boolean} isOpen */
  #open(isOpen) {
    this.#isOpen = isOpen;
    this.#draw();
  }
  /** In a list, only rows that the person acted on speak. @param {string} text */
  #say(text) {
    if (this.#acted || this.#isPanel) this.#text("said", text);
  }
  /** @param {string} id @param {string} [text] */
  #text(id, text = "") {
    const part = this.#part(id);
    if (part.textContent !== text) part.textContent = text;
  }
  /** @param {string} name @param {object} detail */
  #fire(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail, bubbles: true, composed: true }));
  }
  #now() {
    return following?.now() ?? Date.now();
  }
  /** @param {number} at */
  #clock(at) {
    return new Date(at).toLocaleTimeString(this.#language, { timeStyle: "short" });
  }
}

class Refusal extends Error {}

customElements.define("sync-button", SyncButton);
