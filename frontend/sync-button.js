// <sync-button meeting="11" variant="row | panel">. docs/frontend.md shows how to use it.
import { follow } from "./follow.js";

let service = { token: () => null };
let following;
const shown = new Map(); // Buttons by meeting.
let isPlanned = false;

/** As for follow(). */
export function configure(given) {
  following?.stop();
  following = undefined;
  service = given;
  plan();
}

function plan() {
  if (isPlanned) return;
  isPlanned = true;
  queueMicrotask(() => {
    isPlanned = false;
    const meetings = [...shown.keys()];
    if (following) following.set(meetings);
    else if (meetings.length)
      following = follow({
        ...service,
        meetings,
        onChange: (sync) => shown.get(sync.meeting_id)?.forEach((button) => button.show(sync)),
        onGone: (id) => shown.get(id)?.forEach((button) => button.show(null)),
        onState: (state) => shown.forEach((buttons) => buttons.forEach((one) => one.tell(state))),
      });
  });
}

const now = () => following?.now() ?? Date.now();

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
  },
  de: {
    sending: "Wird gesendet …",
    offline: "Keine Verbindung. Das ist der Stand von {time}.",
    ended: "Ihre Sitzung ist zu Ende. Bitte melden Sie sich wieder an.",
    gone: "Diesen Termin gibt es hier nicht mehr.",
    asOf: "Stand: {time}",
    details: "Details",
    copy: "Kopieren",
    copied: "Kopiert",
  },
};
const LOOKS = {
  done: "✓good",
  stopped: "!bad",
  active: "↑busy",
  waiting: "…busy",
  paused: "‖warn",
  retrying: "↻warn",
  out_of_date: "✎warn",
  canceled: "·calm",
};

const sheet = new CSSStyleSheet();
sheet.replaceSync(`
:host { --good: light-dark(#1a7f4b, #5fd39a); --bad: light-dark(#b42318, #ff9088); --warn: light-dark(#8a5a00, #f0c063);
  --busy: light-dark(#2456c8, #8db4ff); --calm: light-dark(#5c6370, #a8afbb); --line: light-dark(#d9dce1, #3c424d);
  display: block; position: relative; line-height: 1.45; container-type: inline-size; }
[hidden], p:empty, ul:empty, button:empty, #bar:empty, #error:has(#title:empty) { display: none !important; }
#top { display: grid; grid-template: "badge first more" "line first more" / minmax(0, 1fr) 12.5rem auto; gap: 0 .75rem; align-items: start; }
@container (max-width: 35rem) { #top { grid-template: "badge badge" "line line" "first more" / minmax(0, 1fr) auto; } }
#badge, #line, #bar, #actions { display: flex; gap: .5rem .75rem; }
#badge { grid-area: badge; min-block-size: 2.9em; color: var(--tone); font-weight: 550; }
#line { grid-area: line; align-items: center; min-block-size: 1.45em; }
:host([variant=panel]) #badge { min-block-size: 0; }
#first { grid-area: first; }
#first button { inline-size: 100%; }
#more { grid-area: more; }
#actions { flex-wrap: wrap; }
#icon { flex: none; inline-size: 1.35em; block-size: 1.35em; text-align: center; border: 1.5px solid; border-radius: 1em; line-height: 1.25; font-size: .85em; }
#bar { flex: 1; max-inline-size: 16rem; gap: 2px; }
#bar i { block-size: .5rem; background: var(--line); border-radius: 1em; overflow: hidden; }
#bar b { display: block; block-size: 100%; background: var(--tone); }
#count, #more, .quiet { color: var(--calm); }
button { font: inherit; color: inherit; background: none; border: 1px solid var(--line); border-radius: .4em;
  padding: .2em .8em; min-block-size: 1.75rem; }
.main { border-color: currentColor; font-weight: 550; }
#more { border-color: transparent; }
[aria-disabled=true] { opacity: .6; }
#body { padding-block: .25rem .5rem; overflow-wrap: anywhere; }
p, ul { margin: .35rem 0; padding: 0; list-style: none; }
a { color: var(--busy); }
#error { border-inline-start: 3px solid var(--tone); padding-inline-start: .75rem; }
#title, #message, #remedy { display: block; }
#said { position: absolute; inline-size: 1px; block-size: 1px; overflow: hidden; clip-path: inset(50%); }
@media (forced-colors: active) { #bar i { border: 1px solid; } #bar b { background: Highlight; forced-color-adjust: none; } }
`);
const template = document.createElement("template");
template.innerHTML = `<div id="top"><span id="badge" part="badge"><span id="icon" aria-hidden="true"></span><span id="head"></span></span>
<span id="line"><span id="bar" part="bar" role="progressbar"></span><span id="count" part="countdown" aria-hidden="true"></span></span>
<span id="first"></span><button id="more" part="disclosure" aria-controls="body"></button></div>
<div id="body" part="body"><p id="note" part="note"></p><p id="detail"></p><p id="next"></p>
<div id="error" part="error"><strong id="title"></strong><span id="message"></span><span id="remedy"></span>
<p class="quiet"><span id="reference"></span> <button id="copy" part="button"></button></p></div>
<ul id="records" part="records"></ul><div id="actions"></div><p id="asof" class="quiet"></p></div>
<span id="said" role="status"></span>`;

/** Fires `connect`, `edit` and `statechange`. */
export class SyncButton extends HTMLElement {
  static observedAttributes = ["meeting", "variant"];
  sync = null;
  #root = this.attachShadow({ mode: "open" });
  #at = 0;
  #acted = false;
  #isOpen = false;
  #isGone = false;
  #following = "";
  #refusal = "";
  #ticking = 0;

  constructor() {
    super();
    this.#root.adoptedStyleSheets = [sheet];
    this.#root.append(template.content.cloneNode(true));
    this.#part("more").onclick = () => {
      this.#isOpen = !this.#isOpen;
      this.#draw();
    };
    this.#part("copy").onclick = async () => {
      await navigator.clipboard.writeText(this.sync.error.reference);
      this.#text("copy", this.#words.copied);
      this.#text("said", this.#words.copied);
    };
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
  #part(id) {
    return this.#root.getElementById(id);
  }

  connectedCallback() {
    const id = this.meeting;
    if (id) shown.set(id, (shown.get(id) ?? new Set()).add(this));
    plan();
    this.#draw();
  }
  disconnectedCallback() {
    this.#forget(this.meeting);
    clearInterval(this.#ticking);
    this.#ticking = 0;
  }
  attributeChangedCallback(name, before) {
    if (!this.isConnected) return;
    if (name === "meeting") {
      this.#forget(Number(before));
      this.sync = null;
    }
    this.connectedCallback();
  }
  #forget(id) {
    const buttons = shown.get(id);
    buttons?.delete(this);
    if (!buttons?.size) shown.delete(id);
    plan();
  }

  /** Null if the meeting is gone. */
  show(sync) {
    const before = this.sync?.state;
    this.sync = sync;
    this.#isGone = !sync;
    this.#at = now();
    this.#refusal = "";
    const isOther = before !== sync?.state;
    if (isOther && sync?.state === "failed") this.#isOpen = true;
    this.#draw();
    if (before && isOther) this.#say(sync?.headline ?? this.#words.gone);
    if (isOther) this.#fire("statechange", { sync });
  }
  tell(state) {
    if (this.#following !== state) this.#refusal = "";
    this.#following = state;
    this.#draw();
  }

  #draw() {
    const { sync } = this;
    const words = this.#words;
    const look = LOOKS[sync?.state] ?? LOOKS[sync?.phase] ?? "·calm";
    for (const id of ["top", "body"])
      this.#part(id).style.setProperty("--tone", `var(--${look.slice(1)})`);
    this.#text("icon", look[0]);
    this.#text("head", sync?.headline ?? (this.#isGone ? words.gone : ""));
    this.#text("detail", sync?.detail);
    this.#text("next", sync?.next.text === sync?.error?.remedy ? "" : sync?.next.text);
    for (const name of ["title", "message", "remedy", "reference"]) this.#text(name, sync?.error?.[name]);
    this.#text("copy", navigator.clipboard && sync?.error?.reference && words.copy);
    const away = { offline: this.#timed(words.offline), "signed out": words.ended, stopped: words.ended };
    this.#text("note", this.#refusal || away[this.#following]);
    this.#text("asof", this.#timed(words.asOf));
    this.#text("more", sync && !this.#isPanel ? words.details : "");
    this.#part("more").ariaExpanded = String(this.#isOpen);
    this.#part("body").hidden = !(sync && (this.#isOpen || this.#isPanel));
    this.#fill("records", sync?.records ?? [], "li", this.#drawRecord);
    this.#fill("first", sync?.actions.slice(0, 1) ?? [], "button", this.#drawButton);
    this.#fill("actions", sync?.actions.slice(1) ?? [], "button", this.#drawButton);
    this.#drawBar();
    this.#count();
  }
  /** Elements that stay keep the focus. */
  #fill(id, items, tag, draw) {
    const place = this.#part(id);
    while (place.children.length > items.length) {
      const last = place.lastElementChild;
      if (last === this.#root.activeElement) this.#root.querySelector("#first *, #more").focus();
      last.remove();
    }
    items.forEach((item, index) =>
      draw(place.children[index] ?? place.appendChild(document.createElement(tag)), item),
    );
  }
  #drawRecord = (row, { name, url, reason }) => {
    const link = Object.assign(document.createElement("a"), { textContent: name, target: "_blank" });
    if (url) link.href = url;
    row.replaceChildren(link, reason ? ` – ${reason}` : "");
  };
  #drawButton = (button, action) => {
    const isMain = button.parentNode.id === "first" && this.sync.state !== "synced";
    button.className = isMain ? "main" : "";
    button.part.value = `button ${button.className}`;
    if (!button.ariaDisabled) button.textContent = action.label;
    // The second click of a double click meant the action before.
    button.onclick = ({ detail }) => detail < 2 && this.#act(action, button);
  };
  #drawBar() {
    const { progress, state } = this.sync ?? {};
    const isShown = progress && !/synced|canceled|out_of_date/.test(state);
    const told = { ariaLabel: progress?.label, ariaValueNow: progress?.percent };
    Object.assign(this.#part("bar"), told, { ariaValueText: `${told.ariaLabel}, ${told.ariaValueNow} %` });
    this.#fill("bar", isShown ? progress.parts : [], "i", (place, part) => {
      place.style.flex = part.to - part.from;
      const fill = place.firstChild ?? place.appendChild(document.createElement("b"));
      this.#grow(fill.style, part, state === "syncing" && part.state === "active");
    });
  }
  /** By time, to 95 %. */
  #grow(style, part, isUnderWay) {
    const began = Date.parse(this.sync.progress.step_started_at);
    const left = 950 * part.expected_seconds - (now() - began || 0);
    const share = part.state === "done" ? 1 : isUnderWay ? 0.95 - Math.max(0, left) / 1000 / (part.expected_seconds || 1) : 0;
    style.transition = "none";
    style.inlineSize = `${100 * share}%`;
    if (!isUnderWay || left <= 0 || matchMedia("(prefers-reduced-motion: reduce)").matches) return;
    this.clientWidth; // Or the browser would see the end alone.
    style.transition = `inline-size ${left}ms linear`;
    style.inlineSize = "95%";
  }
  #count() {
    const left = Math.ceil((Date.parse(this.sync?.next_attempt_at) - now()) / 1000);
    const told = new Intl.RelativeTimeFormat(this.#language, { style: "narrow" });
    const isAway = this.#following === "offline";
    const isSoon = !isAway && left > 0 && left < 3600;
    const [count, unit] = left > 99 ? [Math.round(left / 60), "minute"] : [left, "second"];
    this.#text("count", isSoon ? told.format(count, unit) : isAway ? "Offline" : "");
    if (isSoon) this.#ticking ||= setInterval(() => this.#count(), 1000);
    else this.#ticking = clearInterval(this.#ticking);
  }

  async #act({ name, method, href }, button) {
    if (button.ariaDisabled) return;
    if (name.endsWith("connect")) return this.#fire("connect", {});
    if (name === "edit") return this.#fire("edit", { field: this.sync.error?.field });
    if (name === "help") return open(href, "_blank", "noopener");
    this.#acted = true;
    button.ariaDisabled = "true";
    button.textContent = this.#words.sending;
    this.#refusal = await this.#send(method, href).catch(() => this.#timed(this.#words.offline));
    button.ariaDisabled = null;
    this.#isOpen ||= !!this.#refusal;
    this.#say(this.#refusal || this.sync?.headline);
    this.#draw();
  }
  async #send(method, href, refused) {
    const before = this.sync;
    const key = await service.token(refused);
    if (!key) return this.#words.ended;
    const answer = await fetch((service.base ?? "") + href, { method, headers: { Authorization: key } });
    if (answer.status === 401 && !refused) return this.#send(method, href, key);
    const told = await answer.json().catch(() => ({}));
    if (told.meeting_id === this.meeting && this.sync === before) this.show(told);
    return answer.ok ? "" : (told.detail ?? this.#timed(this.#words.offline));
  }
  /** Only rows that the person acted on speak. */
  #say(text) {
    if (this.#acted || this.#isPanel) this.#text("said", text);
  }
  #text(id, text = "") {
    const part = this.#part(id);
    if (part.textContent !== text) part.textContent = text;
  }
  #timed(text) {
    const time = new Date(this.#at).toLocaleTimeString(this.#language, { timeStyle: "short" });
    return this.#at ? text.replace("{time}", time) : "";
  }
  #fire(name, detail) {
    const told = { meeting: this.meeting, ...detail };
    this.dispatchEvent(new CustomEvent(name, { detail: told, bubbles: true, composed: true }));
  }
}

customElements.define("sync-button", SyncButton);
