// Who is signed in. The token is in memory and in sessionStorage, never in an address.
import { h } from "./dom.js";
import { formOf, submit } from "./forms.js";
import { texts } from "./texts.js";

const KEY = "syncsite.session";
const RENEW_BEFORE = 12 * 3600_000;
let session = JSON.parse(sessionStorage.getItem(KEY) ?? "null");
let asking = null;

export const email = () => session?.email;
export const isSignedIn = () => session !== null;

export function begin({ auth_token, expires_at }, address = session?.email) {
  session = { token: auth_token, expires_at, email: address };
  sessionStorage.setItem(KEY, JSON.stringify(session));
}

export function end() {
  session = null;
  sessionStorage.removeItem(KEY);
}

/** At once, also on a slow network. */
export function signOut() {
  const headers = { Authorization: session?.token ?? "" };
  end();
  fetch("/logout", { method: "POST", headers, keepalive: true }).catch(() => {});
}

/** The token. If the service has refused it, the person is asked to sign in again. */
export async function token(refused) {
  if (session && (!refused || refused !== session.token)) return session.token;
  if (!session) return null;
  asking ??= signInAgain().finally(() => (asking = null));
  return asking;
}

/** A token that lasts for hours is exchanged in time. */
export async function renew() {
  if (!session || Date.parse(session.expires_at) - Date.now() > RENEW_BEFORE) return;
  const before = session;
  const answer = await fetch("/token/refresh", { method: "POST", headers: { Authorization: before.token } });
  const told = await answer.json();
  if (answer.ok && session === before) begin(told);
}

/** Whatever stands on the page stays there. */
function signInAgain() {
  return new Promise((done) => {
    const address = session.email;
    const form = formOf(
      [{ name: "password", label: texts.password, type: "password", autocomplete: "current-password" }],
      texts.signIn,
      async ({ password }) => {
        begin(await submit("/authenticate", { email: address, password }), address);
        dialog.close();
      },
      [h("button", { type: "button", onclick: () => leave("#/sign-in") }, texts.signOut)],
    );
    const leave = (place) => {
      end();
      location.hash = place;
      dialog.close();
    };
    const dialog = h(
      "dialog",
      { "aria-labelledby": "ended" },
      h("h2", { id: "ended" }, texts.sessionEnded),
      h("p", {}, texts.sessionEndedWhy),
      h("p", { class: "quiet" }, address ?? ""),
      form,
      h("p", {}, h("button", { type: "button", class: "plain", onclick: () => leave("#/forgot") }, texts.forgot)),
    );
    dialog.addEventListener("cancel", (event) => event.preventDefault()); // It would lose the input.
    dialog.addEventListener("close", () => {
      dialog.remove();
      if (!session) location.reload();
      done(session?.token ?? null);
    });
    document.body.append(dialog);
    dialog.showModal();
  });
}
