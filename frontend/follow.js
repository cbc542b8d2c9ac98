// Follows the syncs of many meetings, by a stream or by polling. docs/frontend.md shows how.

const SILENCE = 40_000; // A stream speaks every 15 s.
const STREAM_AGAIN = 60_000;
const LIMIT = 100;
const REFUSED = Symbol();

/**
 * @typedef {"live" | "polling" | "offline" | "signed out" | "stopped"} State
 * @typedef {{meeting_id: number, revision: string, [name: string]: any}} Sync
 * @typedef {object} Options
 * @property {string} [base] The page's origin, if none.
 * @property {(refused?: string) => string | null | Promise<string | null>} token Null ends it all.
 * @property {Iterable<number>} meetings
 * @property {(sync: Sync) => void} onChange
 * @property {(meeting: number) => void} [onGone]
 * @property {(state: State) => void} [onState]
 */

/** @param {Options} options */
export function follow({ base = "", token, meetings, onChange, onGone, onState }) {
  const me = Math.random();
  /** @type {Map<number, number[]>} */
  const wanted = new Map();
  /** @type {Map<number, Sync>} */
  const known = new Map();
  const ended = new AbortController();
  let turn = new AbortController();
  let stir = () => {}; // Ends a pause.
  /** @type {string | null} */
  let key = null;
  /** @type {BroadcastChannel | undefined} */
  let channel;
  let offset = 0;
  let state = "";
  let pollUntil = 0;
  let failures = 0;

  /** @param {State} next */
  const tell = (next) => {
    if (next !== state) onState?.((state = next));
    if (key) post({ state });
  };
  const own = () => wanted.get(me) ?? [];
  const all = () => [...new Set([...wanted.values()].flat())];
  const post = (/** @type {object} */ message) => channel?.postMessage(message);

  /** @param {Sync} sync */
  const take = (sync) => {
    if (known.get(sync.meeting_id)?.revision === sync.revision) return;
    known.set(sync.meeting_id, sync);
    if (own().includes(sync.meeting_id)) show(sync);
  };
  /** @param {Sync} sync */
  const show = (sync) => {
    try {
      onChange(sync);
    } catch (error) {
      Promise.reject(error);
    }
  };
  /** @param {number} id */
  const lose = (id) => {
    const isOwn = own().includes(id);
    known.delete(id);
    for (const [tab, list] of wanted) wanted.set(tab, list.filter((one) => one !== id));
    if (isOwn) onGone?.(id);
  };
  /** @param {{syncs: Sync[], gone: number[]}} told */
  const share = ({ syncs, gone }) => {
    post({ syncs, gone });
    syncs.forEach(take);
    gone.forEach(lose);
  };

  /** @param {number} ms */
  const pause = (ms) =>
    new Promise((done) => {
      const timer = setTimeout((stir = () => done(clearTimeout(timer))), ms);
    });
  const again = () => {
    turn.abort();
    turn = new AbortController();
    stir();
  };
  /** @template T @param {Promise<T>} work */
  const lively = (work) => {
    const silence = setTimeout(again, SILENCE);
    return work.finally(() => clearTimeout(silence));
  };

  /** @param {string} path @param {number[]} ids */
  async function ask(path, ids) {
    const named = ids.map((id) => `${id}:${known.get(id)?.revision ?? ""}`).join();
    const request = { headers: { Authorization: key ?? "" }, signal: turn.signal };
    const answer = await lively(fetch(`${base}${path}?known=${named}`, request));
    const date = Date.parse(answer.headers.get("Date") ?? "");
    if (date) offset = date - Date.now();
    if (answer.status === 401) throw REFUSED;
    return answer;
  }

  /** @param {ReadableStream<Uint8Array>} body */
  async function read(body) {
    const reader = body.getReader();
    const decoder = new TextDecoder();
    let text = "";
    for (;;) {
      const { value, done } = await lively(reader.read());
      if (done) return;
      text += decoder.decode(value, { stream: true });
      const events = text.split("\n\n");
      text = events.pop() ?? "";
      for (const event of events) {
        const [, name, data] = /^event: (\w+)\ndata: (.*)$/.exec(event) ?? [];
        if (name === "sync") share({ syncs: [JSON.parse(data)], gone: [] });
        if (name === "gone") share({ syncs: [], gone: JSON.parse(data) });
        if (name === "bye") return;
      }
    }
  }

  async function look() {
    const ids = all();
    if (!ids.length) return STREAM_AGAIN;
    const canStream = ids.length <= LIMIT;
    if (canStream && Date.now() >= pollUntil) {
      const answer = await ask("/syncs/stream", ids);
      if (answer.ok && answer.body) {
        tell("live");
        failures = 0;
        await read(answer.body);
        return 200;
      }
      pollUntil = Date.now() + STREAM_AGAIN;
    }
    let wait = STREAM_AGAIN;
    for (let start = 0; start < ids.length; start += LIMIT) {
      const answer = await ask("/syncs", ids.slice(start, start + LIMIT));
      if (!answer.ok) {
        tell("offline");
        return 1000 * (Number(answer.headers.get("Retry-After")) || 5);
      }
      const told = await lively(answer.json());
      share(told);
      wait = Math.min(wait, 1000 * told.poll_after);
    }
    tell("polling");
    failures = 0;
    return canStream ? Math.min(wait, pollUntil - Date.now()) : wait;
  }

  const back_off = () => pause(Math.min(30_000, 500 * 2 ** failures++) * (0.5 + Math.random() / 2));

  async function sign_in() {
    const refused = key ?? undefined;
    key = null;
    if (refused) tell("signed out");
    while (!ended.signal.aborted) {
      try {
        return (key = await token(refused));
      } catch {
        tell("offline");
        await back_off();
      }
    }
  }

  /** Until the token is refused: another tab may have a better one. */
  async function lead() {
    while (!ended.signal.aborted) {
      const { signal } = turn;
      try {
        const wait = await look();
        if (!signal.aborted) await pause(wait);
      } catch (reason) {
        if (reason === REFUSED) return;
        if (!signal.aborted) {
          tell("offline");
          await back_off();
        }
      }
    }
  }

  /** @param {MessageEvent} event */
  const hear = ({ data }) => {
    if (data.syncs) {
      data.syncs.forEach(take);
      data.gone.forEach(lose);
    } else if (data.state) {
      if (data.state !== state) onState?.((state = data.state));
    } else if (data.hello) {
      hello();
    } else {
      const before = new Set(all());
      data.meetings ? wanted.set(data.tab, data.meetings) : wanted.delete(data.tab);
      const syncs = [...known.values()].filter((one) => data.meetings?.includes(one.meeting_id));
      if (syncs.length) post({ syncs, gone: [] });
      if (all().some((id) => !before.has(id))) again();
    }
  };
  const hello = () => post({ tab: me, meetings: own() });
  const leave = () => post({ tab: me });
  const wake = () => {
    if (globalThis.document?.visibilityState !== "hidden" && state !== "live") again();
  };

  async function begin() {
    while (await sign_in()) {
      await take_turns().catch(() => {});
      if (failures++) await back_off();
    }
    tell("stopped");
  }

  async function take_turns() {
    // One stream for all tabs of a person.
    const claims = String(key).split(".")[1].replace(/-/g, "+").replace(/_/g, "/");
    const name = `syncsite ${base} ${JSON.parse(atob(claims)).user_id}`;
    const { locks } = globalThis.navigator ?? {};
    if (!locks || !("BroadcastChannel" in globalThis)) return lead();
    channel?.close();
    channel = new BroadcastChannel(name);
    channel.addEventListener("message", hear);
    post({ hello: true });
    hello();
    await locks.request(name, { signal: ended.signal }, lead);
  }

  const heard = { visibilitychange: wake, online: wake, offline: again, pagehide: leave, pageshow: hello };
  for (const [name, listener] of Object.entries(heard)) {
    globalThis.addEventListener?.(name, listener, { signal: ended.signal });
  }
  wanted.set(me, [...new Set(meetings)]);
  begin();

  return {
    set(/** @type {Iterable<number>} */ next) {
      wanted.set(me, [...new Set(next)]);
      for (const id of own()) {
        const sync = known.get(id);
        if (sync) show(sync);
      }
      hello();
      again();
    },
    /** By the server's clock. */
    now: () => Date.now() + offset,
    stop() {
      leave();
      ended.abort();
      again();
      channel?.close();
      channel = undefined;
    },
  };
}
