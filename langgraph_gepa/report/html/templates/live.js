"use strict";
// A page that is served: asks its server whether the run has changed, replaces the sections that have, and loads
// details when they are opened.
document.addEventListener("DOMContentLoaded", () => {
  const PARTS = "header nav, main > section";
  const notice = document.getElementById("live");
  const key = (part) => part.id || part.tagName;
  const shown = new Map([...document.querySelectorAll(PARTS)].map((part) => [key(part), part.outerHTML]));
  let version = document.body.dataset.version;
  let stopping = "";
  let lost = false;
  let ended = false;

  const details = (root) => new Map([...root.querySelectorAll("details[data-key]")].map((each) => [each.dataset.key, each]));
  const carryOver = (old, fresh) => {
    const before = details(old);
    for (const [name, each] of details(fresh)) {
      const known = before.get(name);
      if (!known) continue;
      each.open = known.open;
      if (known.dataset.loaded && known.dataset.load === each.dataset.load) {
        each.lastElementChild.replaceWith(known.lastElementChild);
        each.dataset.loaded = known.dataset.loaded;
      }
    }
    for (const field of old.querySelectorAll("input[id], select[id]")) {
      const same = fresh.querySelector(`#${CSS.escape(field.id)}`);
      if (same) same.value = field.value;
    }
  };
  const scrolled = (root) => [...root.querySelectorAll(".scroll")].map((each) => [each.scrollLeft, each.scrollTop]);
  const focusOf = (root) => {
    const here = document.activeElement;
    if (!here || !root.contains(here)) return null;
    if (here.id) return (fresh) => fresh.querySelector(`#${CSS.escape(here.id)}`);
    const name = here.tagName === "SUMMARY" && here.parentElement.dataset.key;
    return name ? (fresh) => details(fresh).get(name)?.querySelector("summary") : null;
  };
  // What the reader sees at the top of the window, which has to stay where it is.
  const anchorOf = () => [...document.querySelectorAll("main [id], main [data-key]")]
    .filter((each) => each.getClientRects().length && each.getBoundingClientRect().bottom > 60)
    .sort((one, two) => Math.abs(one.getBoundingClientRect().top - 60) - Math.abs(two.getBoundingClientRect().top - 60))
    .map((each) => ({ find: each.id ? `#${CSS.escape(each.id)}` : `[data-key="${CSS.escape(each.dataset.key)}"]`, top: each.getBoundingClientRect().top }))[0];

  const replace = (old, fresh) => {
    const at = scrolled(old);
    const focus = focusOf(old);
    carryOver(old, fresh);
    old.replaceWith(fresh);
    [...fresh.querySelectorAll(".scroll")].forEach((each, index) => { if (at[index]) [each.scrollLeft, each.scrollTop] = at[index]; });
    focus?.(fresh)?.focus({ preventScroll: true });
    fresh.dispatchEvent(new CustomEvent("replaced", { bubbles: true }));
  };
  const update = (next) => {
    const anchor = scrollY > 0 && anchorOf();
    const main = document.getElementById("main");
    const parts = [...next.querySelectorAll(PARTS)];
    const present = new Map([...document.querySelectorAll(PARTS)].map((part) => [key(part), part]));
    for (const part of parts) {
      const source = part.outerHTML;
      const old = present.get(key(part));
      if (!old) {
        const later = parts.slice(parts.indexOf(part) + 1).map((each) => present.get(key(each))).find(Boolean);
        main.insertBefore(document.adoptNode(part), later || null);
      } else if (shown.get(key(part)) !== source) replace(old, document.adoptNode(part));
      shown.set(key(part), source);
    }
    const names = new Set(parts.map(key));
    for (const [name, old] of present) if (!names.has(name)) { old.remove(); shown.delete(name); }
    document.title = next.title;
    const moved = anchor && document.querySelector(anchor.find);
    if (moved) scrollBy({ top: moved.getBoundingClientRect().top - anchor.top, behavior: "instant" });
  };

  const poll = async () => {
    try {
      const state = await (await fetch("state")).json();
      if (state.version !== version) {
        const reply = await fetch("./");
        if (!reply.ok) throw new Error(reply.statusText);
        update(new DOMParser().parseFromString(await reply.text(), "text/html"));
        version = reply.headers.get("X-Version");
      }
      const button = document.getElementById("stop");
      if (button) button.hidden = !state.running;
      notice.textContent = state.running ? stopping || "Live" : "";
      lost = false;
      ended = !state.running;
    } catch {
      lost = true;
      notice.textContent = ended ? "The run has ended." : "Not connected: the server of this page has ended.";
      document.getElementById("stop")?.setAttribute("hidden", "");
      if (ended) return; // what is shown is its last state
    }
    setTimeout(poll, document.hidden || lost ? 10000 : 2000);
  };
  setTimeout(poll, 1000);

  document.addEventListener("toggle", async (event) => {
    const opened = event.target;
    if (!opened.dataset.load || !opened.open || opened.dataset.loaded) return;
    opened.dataset.loaded = "yes";
    const place = opened.lastElementChild;
    try {
      const reply = await fetch(opened.dataset.load);
      const body = new DOMParser().parseFromString(await reply.text(), "text/html").body;
      place.replaceChildren(...body.childNodes);
    } catch {
      place.textContent = "It could not be loaded: the server of this page has ended.";
      delete opened.dataset.loaded;
    }
  }, true);

  document.addEventListener("click", async (event) => {
    if (event.target.id !== "stop") return;
    if (!confirm("Stop this run? Rollouts under way are finished, what is paid for is kept, and `resume` goes on.")) return;
    try {
      const reply = await fetch("stop", { method: "POST" });
      stopping = await reply.text();
      notice.textContent = stopping;
    } catch {
      notice.textContent = "Not connected: the server of this page has ended.";
    }
  });
});
