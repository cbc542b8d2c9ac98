// Follows the syncs of many meetings: by a stream where it can, by polling where it cannot.
// One file, no dependencies. docs/frontend.md shows how to use it.

const SILENCE = 40_000; // Milliseconds; the server gives a sign of life every 15 seconds.
const STREAM_AGAIN = 60_000; // Where no stream could be opened.
const LIMIT = 100; // Meetings in one request.

/**
 * @typedef {"live" | "polling" | "offline" | "signed out" | "stopped"} State
 * @typedef {{meeting_id: number, revision: string, state: string, [name: string]: any}} Sync
 * @typedef {object} Options
 * @property {string} [base] Where the API is; by default the page's own origin.
 * @property {(refused?: string) => string | null | Promise<string | null>} token Returns the token.
 *   It gets the one that the service has refused; null ends the following.
 * @property {Iterable<number>} meetings
 * @property {(sync: Sync) => void} onChange
 * @property {(meeting: number) => void} [onGone]
 * @property {(state: State) => void} [onState]
 *
 * @typedef {object} Following
 * @property {(meetings: Iterable<number>) => void} set Follows these from now on.
 * @property {() => number} now The server's clock, in milliseconds; that of the client may be wrong.
 * @property {() => void} stop
 */

/** @param {Options} options @returns {Following} */
export function follow({ base = "", token, meetings, onChange, onGone, onState }) {
  const channel = "BroadcastChannel" in globalThis ? new BroadcastChannel(`syncsite ${base}`) : null;
  const me = Math.random().toString(36).slice(2);
  /** What each tab of this browser follows. @type {Map<string, number[]>} */
  const wanted = new Map();
  /** The latest document of each meeting. @type {Map<number, Sync>} */
  const known = new Map();
  const ended = new AbortController(); // Of everything.
  let turn = new AbortController(); // Of the request under way.
  let offset = 0;
  let state = "";
  let pollUntil = 0;

  /** @param {State} next */
  const tell = (next) => {
    if (next !== state) onState?.((state = next));
  };
  const own = () => wanted.get(me) ?? [];
  const all = () => [...new Set([...wanted.values()].flat())];

  /** @param {Sync} sync */
  const take = (sync) => {
    if (known.get(sync.meeting_id)?.revision === sync.revision) return;
    known.set(sync.meeting_id, sync);
    if (own().includes(sync.meeting_id)) onChange(sync);
  };
  /** @param {number[]} ids */
  const lose = (ids) => {
    for (const id of ids) {
      known.delete(id);
      for (const [tab, list] of wanted) wanted.set(tab, list.filter((one) => one !== id));
      onGone?.(id);
    }
  };
  /** @param {Sync[]} syncs @param {number[]} gone */
  const share = (syncs, gone) => {
    syncs.forEach(take);
    if (gone.length) lose(gone);
    channel?.postMessage({ syncs, gone });
  };

  /** @param {number} ms */
  const pause = (ms) =>
    new Promise((done) => {
      const timer = setTimeout(done, ms);
      turn.signal.addEventListener("abort", () => (clearTimeout(timer), done(undefined)));
    });
  const again = () => {
    turn.abort();
    turn = new AbortController();
  };

  /** @param {string} path @param {number[]} ids @param {string} key */
  async function ask(path, ids, key) {
    const named = ids.map((id) => `${id}:${known.get(id)?.revision ?? ""}`).join(",");
    const headers = { Authorization: key };
    const answer = await fetch(`${base}${path}?known=${named}`, { headers, signal: turn.signal });
    const date = Date.parse(answer.headers.get("Date") ?? "");
    if (date) offset = date - Date.now();
    return answer;
  }

  /** Reads events until the stream ends or falls silent. @param {Response} answer */
  async function read(answer) {
    const reader = /** @type {ReadableStream<Uint8Array>} */ (answer.body).getReader();
    const decoder = new TextDecoder();
    let text = "";
    for (;;) {
      const silence = setTimeout(again, SILENCE);
      const { value, done } = await reader.read().finally(() => clearTimeout(silence));
      if (done) return;
      text += decoder.decode(value, { stream: true });
      const events = text.split("\n\n");
      text = /** @type {string} */ (events.pop());
      for (const event of events) {
        const [, name, data] = /^event: (\w+)\ndata: (.*)$/.exec(event) ?? [];
        if (name === "sync") share([JSON.parse(data)], []);
        if (name === "gone") share([], JSON.parse(data));
        if (name === "bye") return;
      }
    }
  }

  /** One request; returns the milliseconds to wait before the next. @param {string} key */
  async function once(key) {
    const ids = all();
    if (!ids.length) return STREAM_AGAIN;
    if (ids.length <= LIMIT && Date.now() >= pollUntil) {
      const answer = await ask("/syncs/stream", ids, key);
      if (answer.status === 401) throw key;
      if (answer.ok && answer.body) {
        tell("live");
        await read(answer);
        return 200;
      }
      pollUntil = Date.now() + STREAM_AGAIN;
    }
    let wait = 60;
    for (let start = 0; start < ids.length; start += LIMIT) {
      const answer = await ask("/syncs", ids.slice(start, start + LIMIT), key);
      if (answer.status === 401) throw key;
      if (!answer.ok) return 1000 * (Number(answer.headers.get("Retry-After")) || 5);
      const { syncs, gone, poll_after } = await answer.json();
      share(syncs, gone);
      wait = Math.min(wait, poll_after);
    }
    tell("polling");
    return Math.min(1000 * wait, Math.max(200, pollUntil - Date.now()));
  }

  async function lead() {
    let key = await token();
    let failures = 0;
    while (key && !ended.signal.aborted) {
      const { signal } = turn;
      try {
        const wait = await once(key);
        failures = 0;
        await pause(wait);
      } catch (reason) {
        if (reason === key) {
          tell("signed out");
          key = await token(key);
        } else if (!signal.aborted) {
          tell("offline");
          await pause(Math.min(30_000, 500 * 2 ** failures++) * (0.5 + Math.random() / 2));
        }
      }
    }
    tell("stopped");
  }

  /** @param {Iterable<number>} next */
  const set = (next) => {
    wanted.set(me, [...new Set(next)]);
    for (const id of own()) {
      const sync = known.get(id);
      if (sync) onChange(sync);
    }
    channel?.postMessage({ tab: me, meetings: own() });
    again();
  };
  const wake = () => {
    if (globalThis.document?.visibilityState !== "hidden" && state !== "live") again();
  };

  channel?.addEventListener("message", ({ data }) => {
    if (data.syncs) {
      data.syncs.forEach(take);
      if (data.gone.length) lose(data.gone);
    } else if (data.hello) {
      channel.postMessage({ tab: me, meetings: own() });
    } else {
      const before = all().length;
      data.meetings ? wanted.set(data.tab, data.meetings) : wanted.delete(data.tab);
      if (all().length > before) again();
    }
  });
  globalThis.addEventListener?.("online", wake);
  globalThis.addEventListener?.("offline", again); // A stream would notice much later.
  globalThis.document?.addEventListener("visibilitychange", wake);

  set(meetings);
  channel?.postMessage({ hello: true });
  const locks = globalThis.navigator?.locks;
  const signal = ended.signal;
  if (locks && channel) locks.request(`syncsite ${base}`, { signal }, lead).catch(() => {});
  else lead();

  return {
    set,
    now: () => Date.now() + offset,
    stop() {
      ended.abort();
      turn.abort();
      channel?.postMessage({ tab: me });
      channel?.close();
      globalThis.removeEventListener?.("online", wake);
      globalThis.removeEventListener?.("offline", again);
      globalThis.document?.removeEventListener("visibilitychange", wake);
    },
  };
}
