// Forms whose errors stand at their fields.
import { h } from "./dom.js";
import { texts } from "./texts.js";

/** The service's refusal: `errors` have a `path` and a `message`. */
export class Refused extends Error {
  constructor(status, told) {
    super(told.error ? `${told.error.message} ${told.error.remedy}` : (told.detail ?? texts.broken));
    this.status = status;
    this.code = told.code;
    this.errors = told.errors ?? [];
    const field = told.error?.field;
    if (field) this.errors = [{ path: field, message: this.message }];
  }
}

/** A request without a token. */
export async function submit(path, body) {
  const answer = await fetch(path, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  }).catch(() => {
    throw new Refused(0, { detail: texts.noConnection });
  });
  const told = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Refused(answer.status, told);
  return told;
}

let fields = 0;

/** One labelled input, select or textarea; `name` is the path of its errors. */
export function field({ name, label, help, tag = "input", value = "", children = [], ...attributes }) {
  const id = `f-${++fields}`;
  const control = h(
    tag,
    { id, name, "aria-describedby": `${id}-error`, ...attributes },
    children,
  );
  control.value = value;
  return h(
    "div",
    { class: "field" },
    h("label", { for: id }, label, help ? h("span", { class: "quiet" }, ` ${help}`) : null),
    control,
    h("p", { class: "error", id: `${id}-error` }),
  );
}

/** `send` gets the values by name. What the service refuses stands at its field. */
export function formOf(fields, button, send, more = []) {
  const form = h(
    "form",
    { novalidate: true },
    h("p", { class: "error", role: "alert" }),
    fields.map((one) => (one instanceof Element ? one : field(one))),
    h("div", { class: "buttons" }, h("button", { class: "primary" }, button), more),
  );
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    await attempt(form, () => send(Object.fromEntries(new FormData(form))));
  });
  return form;
}

/** Runs `work` once at a time, and shows why it was refused. */
export async function attempt(form, work) {
  if (form.ariaBusy) return;
  form.ariaBusy = "true";
  showErrors(form, null);
  try {
    await work();
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    showErrors(form, error);
  } finally {
    form.ariaBusy = null;
  }
}

function showErrors(form, refused) {
  form.querySelectorAll("[aria-invalid]").forEach((one) => one.removeAttribute("aria-invalid"));
  form.querySelectorAll("p.error").forEach((one) => (one.textContent = ""));
  const rest = [];
  for (const { path, message } of refused?.errors ?? []) {
    const control = form.querySelector(`[name="${CSS.escape(path)}"]`);
    if (!control) rest.push(message);
    else {
      control.setAttribute("aria-invalid", "true");
      form.querySelector(`#${CSS.escape(control.id)}-error`).textContent = message;
    }
  }
  if (refused && !refused.errors.length) rest.push(refused.message);
  form.querySelector("p.error").textContent = rest.join(" ");
  form.querySelector("[aria-invalid]")?.focus();
}
