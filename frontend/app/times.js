// Times as the clocks of a time zone show them, for <input type="datetime-local">.

const offsetOf = (zone, moment) => {
  const asIfUtc = new Date(moment).toLocaleString("sv-SE", { timeZone: zone }).replace(" ", "T");
  return Date.parse(`${asIfUtc}Z`) - Math.floor(moment / 1000) * 1000;
};

/** "2026-09-01T14:00:00Z" in Berlin is "2026-09-01T16:00". */
export function toLocal(iso, zone) {
  const moment = Date.parse(iso);
  return new Date(moment + offsetOf(zone, moment)).toISOString().slice(0, 16);
}

/** The reverse; empty for what is no time. In the hour that is skipped in spring, the later one. */
export function toUtc(local, zone) {
  const asIfUtc = Date.parse(`${local}Z`);
  if (Number.isNaN(asIfUtc)) return "";
  const guess = asIfUtc - offsetOf(zone, asIfUtc);
  return new Date(asIfUtc - offsetOf(zone, guess)).toISOString();
}

export function tell(iso, zone) {
  const language = document.documentElement.lang;
  return new Date(iso).toLocaleString(language, { timeZone: zone, dateStyle: "medium", timeStyle: "short" });
}
