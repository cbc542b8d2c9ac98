// Requests as the person who is signed in.
import { Refused } from "./forms.js";
import { token } from "./session.js";
import { texts } from "./texts.js";

export async function call(method, path, body, headers = {}) {
  return (await ask(method, path, body, headers)).data;
}

/** With the ETag. */
export async function ask(method, path, body, headers = {}, refused = undefined) {
  const key = await token(refused);
  if (!key) throw new Refused(401, { detail: texts.sessionEnded });
  const given = { Authorization: key, ...headers };
  if (body) given["Content-Type"] = "application/json";
  const request = { method, headers: given, body: body && JSON.stringify(body) };
  const answer = await fetch(path, request).catch(() => {
    throw new Refused(0, { detail: texts.noConnection });
  });
  if (answer.status === 401 && !refused) return ask(method, path, body, headers, key);
  const data = answer.status === 204 ? null : await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Refused(answer.status, data ?? {});
  return { data, etag: answer.headers.get("ETag") };
}
