// The page: which part of it is shown, and for whom.
import { configure } from "../sync-button.js";
import { forgot, signIn, signUp } from "./account.js";
import { call } from "./api.js";
import { complete, connection } from "./connection.js";
import { h } from "./dom.js";
import { Refused } from "./forms.js";
import { list } from "./meetings.js";
import { meeting } from "./meeting.js";
import { begin, email, isSignedIn, renew, signOut, token } from "./session.js";
import { speak, texts } from "./texts.js";

const main = document.querySelector("main");
const browserZone = Intl.DateTimeFormat().resolvedOptions().timeZone;
let zone = browserZone;
let drawing = 0;
let edited = ""; // The field to which an action leads.
let refusal = ""; // Why a CRM's own sign-in failed.
let listed = "#/meetings"; // The list from which the person comes.

const go = (address) => {
  if (location.hash === address) draw();
  else location.hash = address;
};

const PUBLIC = ["", "#/sign-in", "#/sign-up", "#/forgot"];

async function enter(address = location.hash) {
  configure({ token });
  const me = await call("GET", "/me");
  // The service may not know the browser's zone.
  if (!me.time_zone) await call("PATCH", "/me", { time_zone: browserZone }).catch(() => {});
  zone = me.time_zone || browserZone;
  speak(me.language);
  drawHead();
  go(PUBLIC.includes(address) ? "#/meetings" : address);
}

function drawHead() {
  const link = (address, text) => h("a", { href: address }, text);
  const leave = () => {
    signOut();
    configure({ token });
    drawHead();
    go("#/sign-in");
  };
  document.querySelector("header nav").replaceChildren(
    ...(isSignedIn()
      ? [
          link("#/meetings", texts.meetings),
          link("#/crm", texts.crm),
          h("span", { class: "quiet who" }, email() ?? ""),
          h("button", { type: "button", class: "plain", onclick: leave }, texts.signOut),
        ]
      : []),
  );
}

async function draw() {
  const number = ++drawing;
  const [path, query] = location.hash.slice(1).split("?");
  // A late answer moves nobody who has gone on.
  const moves = {
    go: (address) => number === drawing && go(address),
    redraw: () => number === drawing && draw(),
  };
  const view = await viewOf(path, new URLSearchParams(query), moves).catch((error) => {
    if (!(error instanceof Refused)) throw error;
    return h("p", { class: "notice", role: "alert" }, error.message);
  });
  if (number !== drawing) return; // The person has gone on meanwhile.
  main.replaceChildren(view);
  const heading = view.querySelector("h1")?.textContent;
  document.title = heading ? `${heading} – syncsite` : "syncsite";
  for (const link of document.querySelectorAll("header a"))
    link.ariaCurrent = path.startsWith(link.hash.slice(1)) ? "page" : null;
  if (!main.contains(document.activeElement)) main.focus({ preventScroll: true });
}

async function viewOf(path, query, { go, redraw }) {
  if (!isSignedIn()) {
    if (path === "/sign-up") return signUp(enter);
    return path === "/forgot" ? forgot() : signIn(enter);
  }
  const [, room, id] = path.split("/");
  if (room === "crm") {
    const told = refusal;
    refusal = "";
    return connection(redraw, told);
  }
  if (room !== "meetings" || !/^(\d+|new)$/.test(id)) {
    listed = location.hash;
    return list(query, zone, go);
  }
  const focused = edited;
  edited = "";
  return meeting(id === "new" ? null : Number(id), { zone, go, focused, listed });
}

addEventListener("hashchange", async () => {
  await draw();
  scrollTo(0, 0);
});
addEventListener("connect", () => go("#/crm"));
addEventListener("edit", ({ detail }) => {
  const name = detail.field ?? "title";
  const address = `#/meetings/${detail.meeting}`;
  if (location.hash === address) return main.querySelector(`[name="${CSS.escape(name)}"]`)?.focus();
  edited = name;
  go(address);
});
addEventListener("statechange", ({ target, detail }) => {
  if (!detail.sync) target.closest("li")?.classList.add("gone");
});
setInterval(() => renew().catch(() => {}), 600_000);

async function start() {
  speak("");
  const asked = new URLSearchParams(location.search);
  const own = new URLSearchParams(location.hash.slice(1));
  // On a service for others, a link could sign people in as somebody else.
  if ("demo" in document.documentElement.dataset && own.has("auth_token"))
    begin(Object.fromEntries(own), own.get("email"));
  if (asked.size || own.has("auth_token")) history.replaceState(null, "", location.pathname);
  drawHead();
  if (!isSignedIn()) return draw();
  refusal = asked.get("connection_error") ?? "";
  if (asked.has("connection_code")) refusal = await complete(asked.get("connection_code"));
  const isBack = asked.has("connection_code") || asked.has("connection_error");
  await enter(isBack ? "#/crm" : location.hash || undefined);
}

start().catch((error) => {
  if (!(error instanceof Refused)) throw error;
  main.replaceChildren(h("p", { class: "notice", role: "alert" }, error.message));
});
