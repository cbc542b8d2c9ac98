// The list of meetings: search, states, pages, and syncing what is selected.
import { call } from "./api.js";
import { h } from "./dom.js";
import { fill, texts } from "./texts.js";
import { tell } from "./times.js";

const SHOWN = ["failed", "paused", "retrying", "waiting", "queued", "syncing", "removing", "out_of_date", "synced"]
  .concat(["never_synced", "canceled", "not_connected"]);
const NAMED = 5; // Of the attendees, in a row.

/** `query`: search, state and page, as in the address. */
export async function list(query, zone, go) {
  const asked = { ...Object.fromEntries(query), counts: "1" };
  const page = await call("GET", `/meetings?${new URLSearchParams(asked)}`);
  const selected = new Set();
  const told = h("p", { role: "status", class: "quiet" });
  const bulk = h("button", { type: "button", class: "primary", hidden: true });
  const select = (id, isOn) => {
    isOn ? selected.add(id) : selected.delete(id);
    all.checked = selected.size === page.results.length;
    all.indeterminate = !all.checked && selected.size > 0;
    bulk.hidden = !selected.size;
    bulk.textContent = fill(texts.syncSelected, { count: selected.size });
  };
  const rows = page.results.map((meeting) => row(meeting, zone, select));
  const all = h("input", {
    type: "checkbox",
    onchange: () => {
      const isOn = all.checked;
      rows.map((one) => one.querySelector("input")).forEach((box) => box.checked !== isOn && box.click());
    },
  });
  bulk.addEventListener("click", async () => {
    const { results } = await call("POST", "/syncs", { meetings: [...selected] }).catch(({ message }) => {
      told.textContent = message;
      return {};
    });
    if (!results) return;
    const refused = results.filter(({ status }) => status !== 202);
    const count = results.length - refused.length;
    const why = refused[0]?.error.detail;
    told.textContent = [
      fill(texts.started, { count }),
      ...(why ? [fill(texts.notStarted, { count: refused.length, why })] : []),
    ].join(". ");
  });
  const filterBar = filters(query, page.counts, go);
  const section = h(
    "section",
    {},
    h(
      "div",
      { class: "head" },
      h("h1", {}, texts.meetings),
      h("a", { class: "button primary", href: "#/meetings/new" }, texts.newMeeting),
    ),
    filterBar,
    h("div", { class: "tools" }, rows.length ? h("label", { class: "pick all" }, all, texts.selectAll) : null, bulk, told),
    rows.length
      ? h("ul", { class: "meetings" }, rows)
      : h("p", { class: "empty" }, query.size ? texts.nothingFound : texts.none),
    pager(page, query),
  );
  count(section, page.results, async () => {
    const few = new URLSearchParams({ ...asked, page_size: "1", page: "1" });
    const { counts } = await call("GET", `/meetings?${few}`).catch(() => page);
    filterBar.querySelector("nav").replaceWith(links(query, counts));
  });
  return section;
}

/** Counts anew once states have changed and are quiet for a second. */
function count(section, rows, again) {
  const states = new Map(rows.map(({ id, sync_state }) => [id, sync_state]));
  let planned;
  section.addEventListener("statechange", ({ detail: { meeting, sync } }) => {
    if (states.get(meeting) === sync?.state) return;
    states.set(meeting, sync?.state);
    clearTimeout(planned);
    planned = setTimeout(() => section.isConnected && again(), 1000);
  });
}

function row({ id, title, starts_at, attendees }, zone, select) {
  const box = h("input", {
    type: "checkbox",
    "aria-label": fill(texts.selectOne, { title }),
    onchange: () => select(id, box.checked),
  });
  const named = attendees.slice(0, NAMED).map(({ name, email }) => name || email);
  const more = attendees.length - named.length;
  const people = [...named, ...(more > 0 ? [`+${more}`] : [])].join(", ");
  return h(
    "li",
    {},
    h("label", { class: "pick" }, box),
    h(
      "div",
      { class: "what" },
      h("a", { href: `#/meetings/${id}` }, title),
      h("span", { class: "quiet" }, [tell(starts_at, zone), people].filter(Boolean).join(" · ")),
    ),
    h("sync-button", { meeting: id }),
  );
}

function filters(query, counts, go) {
  const search = h("input", {
    type: "search",
    name: "search",
    "aria-label": texts.search,
    placeholder: texts.search,
    value: query.get("search") ?? "",
  });
  const find = (event) => {
    event.preventDefault();
    go(address(query, { search: search.value.trim(), page: "" }));
  };
  const form = h("form", { role: "search", onsubmit: find }, search);
  return h("div", { class: "filters" }, form, links(query, counts));
}

/** One for each state that there is. */
function links(query, counts) {
  const total = Object.values(counts).reduce((sum, count) => sum + count, 0);
  const now = query.get("state") ?? "";
  const link = (state, label, count) =>
    h(
      "a",
      { href: address(query, { state, page: "" }), "aria-current": state === now ? "true" : null },
      `${label} `,
      h("span", { class: "quiet" }, String(count ?? 0)),
    );
  return h(
    "nav",
    { "aria-label": texts.status },
    link("", texts.all, total),
    SHOWN.filter((state) => counts[state] || state === now).map((state) =>
      link(state, texts.states[state], counts[state]),
    ),
  );
}

function pager({ next, previous }, query) {
  const page = Number(query.get("page") ?? 1);
  if (!next && !previous) return null;
  return h(
    "nav",
    { class: "pager" },
    previous && h("a", { href: address(query, { page: page - 1 > 1 ? String(page - 1) : "" }) }, texts.previous),
    next && h("a", { href: address(query, { page: String(page + 1) }) }, texts.next),
  );
}

function address(query, changes) {
  const made = new URLSearchParams(query);
  for (const [name, value] of Object.entries(changes)) value ? made.set(name, value) : made.delete(name);
  return `#/meetings${made.size ? `?${made}` : ""}`;
}
