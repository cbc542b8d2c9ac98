// The list of meetings: search, states, pages, and syncing what is selected.
import { call } from "./api.js";
import { h } from "./dom.js";
import { fill, texts } from "./texts.js";
import { tell } from "./times.js";

const SHOWN = ["failed", "paused", "retrying", "waiting", "syncing", "out_of_date", "synced"];

/** `query`: search, state and page, as in the address. */
export async function list(query, zone, go) {
  const asked = new URLSearchParams({ ...Object.fromEntries(query), counts: "1" });
  const page = await call("GET", `/meetings?${asked}`);
  const selected = new Set();
  const told = h("p", { role: "status", class: "quiet" });
  const bulk = h("button", { type: "button", class: "primary", hidden: true });
  const select = (id, isOn) => {
    isOn ? selected.add(id) : selected.delete(id);
    bulk.hidden = !selected.size;
    bulk.textContent = fill(texts.syncSelected, { count: selected.size });
  };
  const rows = page.results.map((meeting) => row(meeting, zone, select));
  const all = h("input", {
    type: "checkbox",
    onchange: () =>
      rows.forEach((one) => {
        const box = one.querySelector("input");
        if (box.checked !== all.checked) box.click();
      }),
  });
  bulk.addEventListener("click", async () => {
    const { results } = await call("POST", "/syncs", { meetings: [...selected] });
    const refused = results.filter(({ status }) => status !== 202);
    const count = results.length - refused.length;
    const why = refused[0]?.error.detail;
    told.textContent = [
      fill(texts.started, { count }),
      ...(why ? [fill(texts.notStarted, { count: refused.length, why })] : []),
    ].join(". ");
  });
  return h(
    "section",
    {},
    h(
      "div",
      { class: "head" },
      h("h1", {}, texts.meetings),
      h("a", { class: "button primary", href: "#/meetings/new" }, texts.newMeeting),
    ),
    filters(query, page.counts, go),
    h("div", { class: "tools" }, rows.length ? h("label", { class: "pick all" }, all, texts.selectAll) : null, bulk, told),
    rows.length
      ? h("ul", { class: "meetings" }, rows)
      : h("p", { class: "empty" }, query.size ? texts.nothingFound : texts.none),
    pager(page, query),
  );
}

function row({ id, title, starts_at, attendees }, zone, select) {
  const box = h("input", {
    type: "checkbox",
    "aria-label": fill(texts.selectOne, { title }),
    onchange: () => select(id, box.checked),
  });
  const people = attendees.map(({ name, email }) => name || email).join(", ");
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
  const total = Object.values(counts).reduce((sum, count) => sum + count, 0);
  const now = query.get("state") ?? "";
  const link = (state, label, count) =>
    h(
      "a",
      { href: address(query, { state, page: "" }), "aria-current": state === now ? "true" : null },
      `${label} `,
      h("span", { class: "quiet" }, String(count)),
    );
  const search = h("input", {
    type: "search",
    name: "search",
    "aria-label": texts.search,
    placeholder: texts.search,
    value: query.get("search") ?? "",
  });
  return h(
    "div",
    { class: "filters" },
    h(
      "form",
      {
        role: "search",
        onsubmit: (event) => {
          event.preventDefault();
          go(address(query, { search: search.value.trim(), page: "" }));
        },
      },
      search,
    ),
    h(
      "nav",
      { "aria-label": texts.status },
      link("", texts.all, total),
      SHOWN.filter((state) => counts[state] || state === now).map((state) =>
        link(state, texts.states[state], counts[state]),
      ),
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
