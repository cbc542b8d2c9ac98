// One meeting: what was entered, and beside it how its sync stands.
import { ask, call } from "./api.js";
import { h } from "./dom.js";
import { Refused, attempt, field, formOf } from "./forms.js";
import { fill, texts } from "./texts.js";
import { toLocal, toUtc } from "./times.js";

const NEW = { title: "", location: "", notes: "", status: "scheduled", attendees: [{ email: "", name: "" }] };
const HOUR = 3600_000;

/** `listed`: the address of the list; `focused`: the name of the field to begin with. */
export async function meeting(id, { zone, go, focused, listed }) {
  const known = id ? await ask("GET", `/meetings/${id}`) : { data: fresh() };
  const { data } = known;
  const create = once();
  const heading = h("h1", {}, id ? data.title : texts.newMeeting);
  const saved = h("span", { role: "status", class: "quiet" });
  const form = editor(data, zone, async (entered) => {
    if (!id) return go(`#/meetings/${(await create(entered)).id}`);
    saved.textContent = "";
    await change(id, entered, known);
    heading.textContent = data.title;
    saved.textContent = texts.saved;
  });
  form.querySelector(".buttons").append(...(id ? [removal(id, form, () => go(listed))] : []), saved);
  if (focused) setTimeout(() => form.querySelector(`[name="${CSS.escape(focused)}"]`)?.focus());
  return h(
    "section",
    {},
    h("p", {}, h("a", { href: listed }, `‹ ${texts.meetings}`)),
    heading,
    h(
      "div",
      { class: "split" },
      form,
      id && h("aside", { class: "card" }, h("sync-button", { meeting: id, variant: "panel" })),
    ),
  );
}

/** Makes one meeting, though an answer may be lost and the person tries again. */
function once() {
  let body, key;
  return (entered) => {
    const text = JSON.stringify(entered);
    if (text !== body) [body, key] = [text, crypto.getRandomValues(new Uint32Array(4)).join("-")];
    return call("POST", "/meetings", entered, { "Idempotency-Key": key });
  };
}

/** Replaces what others changed only when it is sent once more. */
async function change(id, entered, known) {
  try {
    const { data, etag } = await ask("PATCH", `/meetings/${id}`, entered, { "If-Match": known.etag });
    Object.assign(known.data, data);
    known.etag = etag;
  } catch (refused) {
    if (refused.code !== "outdated") throw refused;
    known.etag = (await ask("GET", `/meetings/${id}`)).etag;
    throw new Refused(412, { detail: texts.changedMeanwhile });
  }
}

function fresh() {
  const start = Math.ceil(Date.now() / HOUR) * HOUR;
  const at = (moment) => new Date(moment).toISOString();
  return { ...NEW, starts_at: at(start), ends_at: at(start + HOUR) };
}

function editor(data, zone, save) {
  const time = (name, label) =>
    field({ name, label, type: "datetime-local", value: toLocal(data[name], zone) });
  const people = h("fieldset", {}, h("legend", {}, texts.attendees));
  const rows = h("div", {});
  const add = h("button", { type: "button", onclick: () => addPerson(rows, {}, true) }, texts.addAttendee);
  data.attendees.forEach((one) => addPerson(rows, one));
  people.append(rows, add);
  const statuses = Object.entries(texts.statuses).map(([value, label]) => h("option", { value }, label));
  return formOf(
    [
      field({ name: "title", label: texts.title, value: data.title, maxlength: 255 }),
      h("div", { class: "pair" }, time("starts_at", texts.starts), time("ends_at", texts.ends)),
      h("p", { class: "quiet" }, fill(texts.inZone, { zone })),
      h(
        "div",
        { class: "pair" },
        field({ name: "location", label: texts.location, value: data.location }),
        field({ name: "status", label: texts.status, tag: "select", value: data.status, children: statuses }),
      ),
      people,
      field({ name: "notes", label: texts.notes, tag: "textarea", rows: 6, value: data.notes }),
    ],
    texts.save,
    (values) => save(entered(values, rows, data, zone)),
  );
}

function addPerson(rows, { email = "", name = "" }, isNew = false) {
  const number = rows.children.length;
  const remove = h(
    "button",
    {
      type: "button",
      class: "plain",
      onclick: () => {
        const next = row.nextElementSibling ?? row.previousElementSibling;
        row.remove();
        [...rows.children].forEach(rename);
        (next?.querySelector("input") ?? rows.nextElementSibling).focus();
      },
    },
    "×",
  );
  const row = h(
    "div",
    { class: "person" },
    field({ name: "email", label: texts.email, type: "email", value: email, autocomplete: "off" }),
    field({ name: "name", label: texts.name, value: name, autocomplete: "off" }),
    remove,
  );
  rows.append(row);
  rename(row, number);
  if (isNew) row.querySelector("input").focus();
}

/** The names of the inputs are the paths of their errors. */
function rename(row, number) {
  const [email, name] = valuesOf(row);
  row.querySelector("button").ariaLabel = fill(texts.removeAttendee, { name: name || email || number + 1 });
  for (const place of row.querySelectorAll(".field")) {
    const input = place.querySelector("input");
    input.name = `attendees[${number}].${input.name.replace(/^.*\./, "")}`;
  }
}

const valuesOf = (row) => [...row.querySelectorAll("input")].map((input) => input.value.trim());

/** Empty rows go, so that each error finds its row. */
function entered(values, rows, data, zone) {
  [...rows.children].filter((row) => !valuesOf(row).some(Boolean)).forEach((row) => row.remove());
  [...rows.children].forEach(rename);
  const { title, location, notes, status } = values;
  const people = [...rows.children].map(valuesOf).map(([email, name]) => ({ email, name }));
  return { title, location, notes, status, ...times(values, data, zone), attendees: people };
}

/** Those that nobody touched stay as they are, to the second. */
function times(values, data, zone) {
  const names = ["starts_at", "ends_at"];
  const missing = names.filter((name) => !values[name]);
  if (missing.length)
    throw new Refused(400, { errors: missing.map((path) => ({ path, message: texts.timeMissing })) });
  const isSame = (name) => values[name] === toLocal(data[name], zone);
  return Object.fromEntries(
    names.map((name) => [name, isSame(name) ? data[name] : toUtc(values[name], zone)]),
  );
}

function removal(id, form, leave) {
  const remove = (query) =>
    attempt(form, async () => {
      dialog.close();
      await call("DELETE", `/meetings/${id}${query}`);
      leave();
    });
  const dialog = h(
    "dialog",
    { "aria-labelledby": "sure" },
    h("h2", { id: "sure" }, texts.removeSure),
    h(
      "div",
      { class: "buttons" },
      h("button", { type: "button", onclick: () => remove("") }, texts.removeHere),
      h("button", { type: "button", onclick: () => remove("?in_crm=delete") }, texts.removeThere),
      h("button", { type: "button", class: "plain", autofocus: true, onclick: () => dialog.close() }, texts.cancel),
    ),
  );
  const open = h("button", { type: "button", class: "plain", onclick: () => dialog.showModal() }, texts.remove);
  return h("span", {}, open, dialog);
}
