// One meeting: what was entered, and beside it how its sync stands.
import { ask, call } from "./api.js";
import { h } from "./dom.js";
import { Refused, attempt, field, formOf } from "./forms.js";
import { fill, texts } from "./texts.js";
import { toLocal, toUtc } from "./times.js";

const NEW = { title: "", location: "", notes: "", status: "scheduled", attendees: [{ email: "", name: "" }] };
const HOUR = 3600_000;

export async function meeting(id, zone, go, focused = "") {
  const known = id ? await ask("GET", `/meetings/${id}`) : { data: fresh() };
  const { data } = known;
  const form = editor(data, zone, async (entered) => {
    if (!id) return go(`#/meetings/${(await call("POST", "/meetings", entered)).id}`);
    await change(id, entered, known);
    go(`#/meetings/${id}`);
  });
  if (id) form.querySelector(".buttons").append(removal(id, form, go));
  if (focused) setTimeout(() => form.querySelector(`[name="${CSS.escape(focused)}"]`)?.focus());
  return h(
    "section",
    {},
    h("p", {}, h("a", { href: "#/meetings" }, `‹ ${texts.meetings}`)),
    h("h1", {}, id ? data.title : texts.newMeeting),
    h(
      "div",
      { class: "split" },
      form,
      id && h("aside", { class: "card" }, h("sync-button", { meeting: id, variant: "panel" })),
    ),
  );
}

/** Replaces what others changed only when it is sent once more. */
async function change(id, entered, known) {
  try {
    await call("PATCH", `/meetings/${id}`, entered, { "If-Match": known.etag });
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
    (values) => save(entered(values, rows, zone)),
  );
}

function addPerson(rows, { email = "", name = "" }, isNew = false) {
  const number = rows.children.length;
  const remove = h(
    "button",
    {
      type: "button",
      class: "plain",
      "aria-label": fill(texts.removeAttendee, { name: name || email || String(number + 1) }),
      onclick: () => {
        row.remove();
        [...rows.children].forEach(rename);
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
  for (const place of row.querySelectorAll(".field")) {
    const [label, input, error] = ["label", "input", "p.error"].map((one) => place.querySelector(one));
    const key = input.name.replace(/^.*\./, "");
    const name = `attendees[${number}].${key}`;
    input.name = name;
    input.id = label.htmlFor = `f-attendee-${number}-${key}`;
    error.id = `${input.id}-error`;
    input.setAttribute("aria-describedby", error.id);
  }
}

function entered({ title, location, notes, status, starts_at, ends_at }, rows, zone) {
  const people = [...rows.children].map((row) => {
    const [email, name] = [...row.querySelectorAll("input")].map((input) => input.value.trim());
    return { email, name };
  });
  return {
    title,
    location,
    notes,
    status,
    starts_at: toUtc(starts_at, zone),
    ends_at: toUtc(ends_at, zone),
    attendees: people.filter(({ email, name }) => email || name),
  };
}

function removal(id, form, go) {
  const remove = (query) =>
    attempt(form, async () => {
      dialog.close();
      await call("DELETE", `/meetings/${id}${query}`);
      go("#/meetings");
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
      h("button", { type: "button", class: "plain", onclick: () => dialog.close() }, texts.cancel),
    ),
  );
  const open = h("button", { type: "button", class: "plain", onclick: () => dialog.showModal() }, texts.remove);
  return h("span", {}, open, dialog);
}
