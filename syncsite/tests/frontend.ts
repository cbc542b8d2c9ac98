// A frontend's use of the API, typed by its schema. CI compiles it under --strict: a schema that
// loses a field, an enum or a null breaks it.
import createClient from "openapi-fetch";
import { follow as followMany } from "../../frontend/follow.js";
import type { components, paths } from "./schema";

type Sync = components["schemas"]["Sync"];
type Meeting = components["schemas"]["SyncedMeeting"];
type NewMeeting = components["schemas"]["SyncedMeetingRequest"];
type Refusal = components["schemas"]["Refusal"];
type Invalid = components["schemas"]["Invalid"];
type Action = Sync["actions"][number];
type State = Sync["state"];

export const api = createClient<paths>({ baseUrl: "https://api.example.com" });

/** What went wrong, by path: `attendees[1].email`. */
function problems(error: Refusal | Invalid): Record<string, string> {
  if (!("errors" in error)) return { "": error.detail };
  return Object.fromEntries(error.errors.map(({ path, message }) => [path, message]));
}

export async function signUp(email: string, password: string): Promise<string> {
  const body = { email, password, password_confirmation: password };
  const { data, error } = await api.POST("/users", { body });
  if (error) throw new Error(error.detail);
  return data.auth_token;
}

export async function signIn(email: string, password: string): Promise<string> {
  const { data, error } = await api.POST("/authenticate", { body: { email, password } });
  if (error) throw new Error(error.code === "throttled" ? "Later." : error.detail);
  return data.auth_token;
}

export async function renew(): Promise<string | undefined> {
  return (await api.POST("/token/refresh")).data?.auth_token;
}

export async function isConnected(): Promise<boolean> {
  const { data } = await api.GET("/connection");
  return data !== undefined && data.state !== "not_connected" && data.degraded.length === 0;
}

/** Creates a meeting once, however often the network fails. */
export async function create(meeting: NewMeeting, key: string): Promise<Meeting> {
  const { data, error } = await api.POST("/meetings", {
    body: meeting,
    params: { header: { "Idempotency-Key": key } },
  });
  if (error) throw new Error(Object.values(problems(error)).join(" "));
  return data;
}

/** Changes the title of the meeting that the person sees. */
export async function rename(id: number, title: string): Promise<Meeting | "changed meanwhile"> {
  const seen = await api.GET("/meetings/{id}", { params: { path: { id } } });
  const { data, error, response } = await api.PATCH("/meetings/{id}", {
    params: { path: { id }, header: { "If-Match": seen.response.headers.get("ETag") ?? "*" } },
    body: { title },
  });
  if (response.status === 412) return "changed meanwhile";
  if (error) throw new Error(error.detail);
  return data;
}

export async function remove(id: number): Promise<Sync | undefined> {
  const params = { path: { id }, query: { in_crm: "delete" } } as const;
  return (await api.DELETE("/meetings/{id}", { params })).data;
}

export async function failed(): Promise<Sync[]> {
  const { data } = await api.GET("/meetings", {
    params: { query: { state: ["failed"], expand: "sync", page_size: 100, ordering: "starts_at" } },
  });
  return data?.results.flatMap(({ sync }) => sync ?? []) ?? [];
}

export async function startAll(meetings: number[]): Promise<Record<number, string>> {
  const { data } = await api.POST("/syncs", { body: { meetings } });
  const results = data?.results ?? [];
  return Object.fromEntries(
    results.map((one) => [one.meeting_id, one.sync?.headline ?? one.error?.detail ?? ""]),
  );
}

export async function startSync(id: number, key: string): Promise<Sync | string> {
  const { data, error, response } = await api.POST("/meetings/{id}/sync", {
    params: { path: { id }, header: { "Idempotency-Key": key } },
  });
  return data ?? `${response.status}: ${error?.code}`;
}

/** Follows all meetings of a page, by a stream or by polling. */
export function follow(meetings: number[], token: string, show: (sync: Sync) => void): () => void {
  const following = followMany({
    base: "https://api.example.com",
    token: async (refused) => (refused ? ((await renew()) ?? null) : token),
    meetings,
    onChange: (sync) => show(sync as unknown as Sync),
  });
  return following.stop;
}

/** Polls one until its sync has ended. */
export async function poll(id: number, show: (sync: Sync) => void): Promise<void> {
  for (;;) {
    const { data, response } = await api.GET("/meetings/{id}/sync", { params: { path: { id } } });
    if (data) show(data);
    if (data && data.phase !== "active" && data.phase !== "waiting") return;
    const pause = Number(response.headers.get("Retry-After") ?? 5);
    await new Promise((resolve) => setTimeout(resolve, 1000 * pause));
  }
}

const COLOURS: Record<State, string> = {
  not_connected: "grey",
  never_synced: "grey",
  queued: "blue",
  syncing: "blue",
  removing: "blue",
  waiting: "blue",
  retrying: "orange",
  paused: "orange",
  synced: "green",
  out_of_date: "green",
  failed: "red",
  canceled: "grey",
};

const ICONS: Record<Action["name"], string> = {
  cancel: "×",
  connect: "+",
  edit: "✎",
  help: "?",
  reconnect: "+",
  retry_now: "↻",
  sync: "↻",
};

export async function press(action: Action, token: string): Promise<Response> {
  return fetch(action.href, { method: action.method, headers: { Authorization: token } });
}

export function render(sync: Sync): string {
  const step: 1 | 2 | 3 | null = sync.in_progress_sync_status;
  const success: boolean | null = sync.last_sync_success;
  const buttons = sync.actions.map((action) => `${ICONS[action.name]} ${action.label}`).join(" ");
  const percent = sync.progress?.percent ?? 0;
  const widths = sync.progress?.parts.map((part) => part.to - part.from) ?? [];
  const why = sync.error ? `${sync.error.message} ${sync.error.reference}` : "";
  const written = sync.records.map((record) => `${record.action} ${record.name}`).join(", ");
  const shown = [COLOURS[sync.state], sync.headline, step, success, percent, ...widths];
  return [...shown, why, sync.error?.field ?? "", buttons, written].join(" ");
}

export async function step(id: number): Promise<1 | 2 | 3 | null | undefined> {
  const { data } = await api.GET("/meetings/{id}/sync_status", { params: { path: { id } } });
  return data?.in_progress_sync_status;
}
