"use strict";
// Keeps what is written on a confirmation page, should the session end before it is sent.
(() => {
  const KEY = "support-action";
  const asking = document.querySelector("form[data-keeps-reason]");
  if (asking) {
    asking.addEventListener("submit", () => {
      const { kind, targets, reason } = asking.elements;
      const given = { kind: kind.value, targets: targets.value, reason: reason.value };
      sessionStorage.setItem(KEY, JSON.stringify(given));
    });
    const back = document.querySelector("[data-back]");
    if (document.referrer.startsWith(`${location.origin}/admin/`)) back.href = document.referrer;
  }
  const resuming = document.querySelector("form[data-resumes]");
  const kept = sessionStorage.getItem(KEY);
  if (resuming && kept) {
    for (const [name, value] of Object.entries(JSON.parse(kept))) {
      resuming.elements[name].value = value;
    }
    sessionStorage.removeItem(KEY);
    resuming.hidden = false;
    resuming.submit();
  }
})();
