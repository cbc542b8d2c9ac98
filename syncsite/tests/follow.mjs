// Follows meetings with frontend/follow.js and prints what it is told, a line of JSON each.
// Takes lines of JSON: {"set": [1, 2]}, {"token": "…"} or {"stop": true}.
import { createInterface } from "node:readline";
import { follow } from "../../frontend/follow.js";

const { base, token, meetings } = JSON.parse(process.argv[2]);
let current = token;
let waiting = null;
const say = (event) => console.log(JSON.stringify(event));

const following = follow({
  base,
  meetings,
  token: (refused) => {
    if (!refused || refused !== current) return current;
    say({ refused });
    return new Promise((done) => (waiting = done));
  },
  onChange: (sync) => say({ sync }),
  onGone: (gone) => say({ gone }),
  onState: (state) => say({ state }),
});

for await (const line of createInterface({ input: process.stdin })) {
  const asked = JSON.parse(line);
  if (asked.set) following.set(asked.set);
  if (asked.token) waiting?.((current = asked.token));
  if (asked.stop) following.stop();
}
