"use strict";
// Follows the page's own address, and changes only what differs: focus, what is typed and what is
// selected stay.
(() => {
  const SECONDS = 5;
  const REGIONS = "[data-live], #result_list tbody, #changelist-form .paginator";
  let seenAt = new Date();

  function isSame(one, other) {
    return one.nodeType === other.nodeType && one.nodeName === other.nodeName;
  }

  function isSetByBrowser(node, name) {
    return ["data-label", "open"].includes(name) || (name === "class" && node.nodeName === "TR");
  }

  function copyAttributes(shown, fetched) {
    for (const { name } of [...shown.attributes, ...fetched.attributes]) {
      const value = fetched.getAttribute(name);
      if (isSetByBrowser(shown, name) || shown.getAttribute(name) === value) continue;
      if (value === null) shown.removeAttribute(name);
      else shown.setAttribute(name, value);
    }
  }

  function update(shown, fetched) {
    if (shown.nodeType !== Node.ELEMENT_NODE) {
      if (shown.nodeValue !== fetched.nodeValue) shown.nodeValue = fetched.nodeValue;
      return;
    }
    if (shown.name === "csrfmiddlewaretoken") return;
    copyAttributes(shown, fetched);
    if (shown.nodeName === "TEXTAREA") {
      shown.defaultValue = fetched.defaultValue; // Shown, unless somebody has typed in it.
      return;
    }
    updateChildren(shown, fetched);
  }

  function withoutBlanks(node) {
    return [...node.childNodes].filter((one) => one.nodeType !== Node.TEXT_NODE || one.data.trim());
  }

  function updateChildren(shown, fetched) {
    const [old, now] = [shown, fetched].map(withoutBlanks);
    now.forEach((node, place) => {
      const known = old[place];
      if (!known) shown.append(node.cloneNode(true));
      else if (isSame(known, node)) update(known, node);
      else known.replaceWith(node.cloneNode(true));
    });
    for (const left of old.slice(now.length)) left.remove();
  }

  function rowsOf(region) {
    return [...region.querySelectorAll("input.action-select")].map((box) => box.value).join();
  }

  // A row that is selected or has the focus must not become another one.
  function isHeld(region, fetched) {
    const isUsed =
      region.querySelector("input.action-select:checked") !== null ||
      region.contains(document.activeElement);
    return isUsed && rowsOf(region) !== rowsOf(fetched);
  }

  function isReading() {
    const selection = getSelection();
    return selection !== null && !selection.isCollapsed;
  }

  // Old figures must not look current.
  function tell(isFresh) {
    let told = document.getElementById("not-refreshed");
    if (isFresh) {
      seenAt = new Date();
      told?.remove();
    } else if (!told) {
      told = document.createElement("p");
      told.id = "not-refreshed";
      told.className = "errornote";
      told.setAttribute("role", "status");
      told.textContent = `Not refreshed since ${seenAt.toLocaleTimeString("en-GB")}.`;
      document.querySelector("#content").prepend(told);
    }
  }

  async function refresh() {
    const response = await fetch(location.href, { credentials: "same-origin" });
    if (!response.ok || response.redirected) throw new Error("It is not the page that was asked for.");
    const page = new DOMParser().parseFromString(await response.text(), "text/html");
    if (isReading()) return;
    const fetched = page.querySelectorAll(REGIONS);
    const shown = document.querySelectorAll(REGIONS);
    if (fetched.length !== shown.length) return;
    shown.forEach((region, place) => {
      if (isHeld(region, fetched[place])) return;
      if (region.rows && region.rows.length !== fetched[place].rows.length) location.reload();
      else update(region, fetched[place]);
    });
    document.dispatchEvent(new Event("refreshed"));
  }

  async function follow() {
    if (document.visibilityState === "visible" && document.querySelector(REGIONS)) {
      await refresh().then(() => tell(true), () => tell(false)); // The next one may succeed.
    }
    setTimeout(follow, SECONDS * 1000);
  }

  document.addEventListener("DOMContentLoaded", () => {
    // What was written on a confirmation page is needed no longer.
    if (!document.querySelector("[data-keeps-reason], [data-resumes]")) {
      sessionStorage.removeItem("support-action");
    }
    setTimeout(follow, SECONDS * 1000);
  });
})();
