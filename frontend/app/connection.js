// Connecting a CRM, and what can be chosen there.
import { call } from "./api.js";
import { h } from "./dom.js";
import { Refused, attempt, field, formOf } from "./forms.js";
import { fill, texts } from "./texts.js";

/** `refusal`: why the sign-in from which the person comes back failed. */
export async function connection(redraw, refusal) {
  const [current, providers] = await Promise.all([call("GET", "/connection"), call("GET", "/providers")]);
  const now = providers.find(({ name }) => name === current.provider);
  const others = h(
    "section",
    {},
    h("h1", {}, texts.connectTitle),
    h("p", { class: "quiet" }, texts.connectWhy),
    providers.map((provider) => choice(provider, redraw)),
  );
  return h(
    "div",
    {},
    refusal && h("p", { class: "notice", role: "alert" }, refusal),
    now && standing(current, now, redraw),
    others,
  );
}

function standing(current, provider, redraw) {
  const crm = provider.label;
  const form = formOf(
    provider.options.map((option) => optionField(option, current.options[option.name])),
    texts.save,
    async (values) => {
      await call("PATCH", "/connection", { options: chosen(provider, values) });
      redraw();
    },
    [
      h("button", { type: "button", onclick: () => attempt(form, () => checkNow(redraw)) }, texts.check),
      h("button", { type: "button", onclick: () => attempt(form, () => cut(crm, redraw)) }, texts.disconnect),
    ],
  );
  const { error } = current;
  return h(
    "section",
    { class: "card wide" },
    h("h1", {}, fill(texts.connectedTo, { crm })),
    h("p", { class: "quiet" }, current.account),
    error && h("p", { class: "notice" }, h("strong", {}, error.title), ` ${error.message} ${error.remedy}`),
    current.degraded.map(({ text }) => h("p", { class: "notice" }, text)),
    form,
  );
}

async function checkNow(redraw) {
  await call("POST", "/connection/check");
  redraw();
}

async function cut(crm, redraw) {
  if (!confirm(fill(texts.disconnectSure, { crm }))) return;
  await call("DELETE", "/connection");
  redraw();
}

function optionField({ name, label, help, choices }, value) {
  if (choices)
    return field({
      name,
      label,
      help,
      tag: "select",
      value,
      children: choices.map((one) => h("option", { value: one }, texts.choices[one] ?? one)),
    });
  return field({
    name,
    label,
    help: `${help} (${texts.onePerLine})`,
    tag: "textarea",
    rows: 2,
    value: (value ?? []).join("\n"),
  });
}

function chosen(provider, values) {
  const parse = ({ name, choices }) =>
    choices ? values[name] : values[name].split(/[\s,;]+/).filter(Boolean);
  return Object.fromEntries(provider.options.map((option) => [option.name, parse(option)]));
}

function choice(provider, redraw) {
  const crm = provider.label;
  const fields = provider.fields.map(({ name, label, help, secret }) =>
    field({
      name: `credentials.${name}`,
      label,
      help,
      type: secret ? "password" : "text",
      autocomplete: "off",
      spellcheck: "false",
    }),
  );
  const form = formOf(fields, texts.connect, async (values) => {
    const credentials = Object.fromEntries(
      provider.fields.map(({ name }) => [name, values[`credentials.${name}`]]),
    );
    await call("PUT", "/connection", { provider: provider.name, credentials });
    redraw();
  });
  const page = `${location.origin}${location.pathname}`;
  const open = async () => {
    const query = new URLSearchParams({ provider: provider.name, return_to: page });
    const { authorize_url } = await call("GET", `/connection/authorize?${query}`);
    location.assign(authorize_url);
  };
  const direct = h(
    "button",
    { type: "button", class: "primary", onclick: () => attempt(form, open) },
    fill(texts.signInAt, { crm }),
  );
  return h(
    "details",
    { class: "card wide", name: "crm", "data-crm": provider.name },
    h("summary", {}, crm),
    provider.sign_in && h("p", {}, direct, fields.length ? ` ${texts.orToken}` : ""),
    form,
    h("p", {}, h("a", { href: provider.help_url, target: "_blank" }, texts.help)),
  );
}

/** The browser came back from a CRM's own sign-in. Returns why that was refused. */
export async function complete(code) {
  try {
    await call("POST", "/connection/complete", { code });
    return "";
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    return error.message;
  }
}
