// Times as the clocks of a time zone show them, for <input type="datetime-local">.

const DAY = 86_400_000;

const offsetOf = (zone, moment) => {
  const asIfUtc = new Date(moment).toLocaleString("sv-SE", { timeZone: zone }).replace(" ", "T");
  return Date.parse(`${asIfUtc}Z`) - Math.floor(moment / 1000) * 1000;
};

/** "2026-09-01T14:00:00Z" in Berlin is "2026-09-01T16:00". */
export function toLocal(iso, zone) {
  const moment = Date.parse(iso);
  return new Date(moment + offsetOf(zone, moment)).toISOString().slice(0, 16);
}

/** The reverse. A time that the clocks show twice is the first one, one that they skip is later. */
export function toUtc(local, zone) {
  const asIfUtc = Date.parse(`${local}Z`);
  const around = [-DAY, DAY].map((ms) => asIfUtc - offsetOf(zone, asIfUtc + ms)).sort((a, b) => a - b);
  const shown = around.filter((one) => one + offsetOf(zone, one) === asIfUtc);
  return new Date(shown[0] ?? around[1]).toISOString();
}

export function tell(iso, zone) {
  const language = document.documentElement.lang;
  return new Date(iso).toLocaleString(language, { timeZone: zone, dateStyle: "medium", timeStyle: "short" });
}
