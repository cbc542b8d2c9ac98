// A frontend's use of the API, typed by its schema. CI compiles it under --strict: a schema that
// loses a field, an enum or a null breaks it.
import createClient from "openapi-fetch";
import type { components, paths } from "./schema";

type Sync = components["schemas"]["Sync"];
type Action = Sync["actions"][number];
type State = Sync["state"];

export const api = createClient<paths>({ baseUrl: "https://api.example.com" });

export async function signIn(email: string, password: string): Promise<string> {
  const { data, error } = await api.POST("/authenticate", { body: { email, password } });
  if (error) throw new Error("detail" in error ? String(error.detail) : "Not signed in.");
  return data.auth_token;
}

export async function startSync(id: number, key: string): Promise<Sync | string> {
  const { data, error, response } = await api.POST("/meetings/{id}/sync", {
    params: { path: { id }, header: { "Idempotency-Key": key } },
  });
  return data ?? `${response.status}: ${error?.code}`;
}

/** Polls until the sync has ended. */
export async function follow(id: number, show: (sync: Sync) => void): Promise<void> {
  let etag: string | undefined;
  for (;;) {
    const { data, response } = await api.GET("/meetings/{id}/sync", {
      params: { path: { id }, header: etag ? { "If-None-Match": etag } : {} },
    });
    if (data) show(data);
    if (data && data.phase !== "active" && data.phase !== "waiting") return;
    etag = response.headers.get("ETag") ?? undefined;
    const pause = Number(response.headers.get("Retry-After") ?? 5);
    await new Promise((resolve) => setTimeout(resolve, 1000 * pause));
  }
}

const COLOURS: Record<State, string> = {
  not_connected: "grey",
  never_synced: "grey",
  queued: "blue",
  syncing: "blue",
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

export async function poll(id: number): Promise<1 | 2 | 3 | null | undefined> {
  const { data } = await api.GET("/meetings/{id}/sync_status", { params: { path: { id } } });
  return data?.in_progress_sync_status;
}
