// Comfort for the composer: counting while typing, keeping the draft by itself. Every act works without this file,
// and what counts in the end is the server's own count.
"use strict";

(() => {
  const form = document.querySelector("#composer");
  if (!form) return;
  const text = form.elements.text;
  const every = (selector, root = document) => [...root.querySelectorAll(selector)];

  // ------------------------------------------------------------ length
  const links = /https?:\/\/\S+/gi;
  const characters = (value) => [...value].length;
  const count = () => {
    const shown = document.querySelector('[data-live="count"]');
    if (!shown) return;
    const each = Number(shown.dataset.link);
    const value = each ? text.value.replace(links, "x".repeat(each)) : text.value;
    const length = characters(value.trim() ? value : "") + Number(shown.dataset.beside);
    const left = shown.dataset.most ? Number(shown.dataset.most) - length : length;
    shown.querySelector("[data-number]").textContent = shown.dataset.most && left < 0 ? -left : left;
    shown.classList.toggle("high", Boolean(shown.dataset.most) && left < 0);
  };

  // ------------------------------------------------------------ time, in the zone of this browser
  const local = form.elements.send_local;
  const exact = form.elements.send_at;
  const two = (number) => String(number).padStart(2, "0");
  const asLocal = (date) => `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}T${two(date.getHours())}:${two(date.getMinutes())}`;
  const times = (root) => every("time[data-local]", root).forEach((time) => {
    time.textContent = new Date(time.dateTime).toLocaleString(document.documentElement.lang, { dateStyle: "medium", timeStyle: "short" });
  });
  const readTime = () => { exact.value = local.value ? new Date(local.value).toISOString() : ""; };
  if (local.dataset.utc) local.value = asLocal(new Date(`${local.dataset.utc}Z`));
  document.querySelector("[data-zone]").textContent = Intl.DateTimeFormat().resolvedOptions().timeZone;
  local.addEventListener("input", readTime);
  form.addEventListener("submit", readTime);
  readTime();
  times(document);

  // ------------------------------------------------------------ keeping
  let dirty = false;
  let waiting = 0;
  let busy = null;
  let stopped = false;

  // Parts that the server wrote anew; the one somebody is typing in stays as it is.
  const put = (page) => {
    const fresh = new DOMParser().parseFromString(page, "text/html");
    every("[data-live]", fresh).forEach((part) => {
      const old = document.querySelector(`[data-live="${part.dataset.live}"]`);
      if (!old || old.outerHTML === part.outerHTML) return;
      const version = old.querySelector("[name=version]");
      if (version && stopped) return;
      if (!old.contains(document.activeElement)) old.replaceWith(document.adoptNode(part));
    });
    times(document);
    count();
  };

  const post = async (fields) => {
    try {
      // Kept alive: what was typed just before the page is left arrives, too.
      const to = { method: "POST", body: fields, redirect: "error", keepalive: true };
      const answer = await fetch(form.action, to);
      stopped = answer.status === 409;
      if (answer.ok || answer.status === 409 || answer.status === 422) put(await answer.text());
      dirty = dirty || (!answer.ok && !stopped);
    } catch {
      dirty = true; // offline: it is tried again below
    }
  };
  const keep = () => {
    if (stopped || busy || !dirty) return;
    dirty = false;
    readTime();
    const fields = new FormData(form);
    fields.delete("picture");
    fields.append("live", "1");
    busy = post(fields).finally(() => {
      busy = null;
      if (dirty && !stopped) waiting = setTimeout(keep, 3000);
    });
  };
  const soon = () => {
    dirty = true;
    count();
    clearTimeout(waiting);
    waiting = setTimeout(keep, 1500);
  };
  form.addEventListener("input", (event) => { if (event.target.type !== "file") soon(); });

  // A button must not race with the draft that is being kept: it waits for it, and takes its version along.
  form.addEventListener("submit", (event) => {
    clearTimeout(waiting);
    stopped = stopped || !busy;
    if (!busy) return;
    event.preventDefault();
    const button = event.submitter;
    // The part with the button may have been written anew meanwhile.
    const same = () => (button?.isConnected ? button : every("button", form).find((one) => one.formAction === button?.formAction));
    busy.then(() => form.requestSubmit(same() ?? null));
  });
  window.addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });

  document.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
    const send = document.querySelector("[data-send]");
    if (send) { event.preventDefault(); form.requestSubmit(send); }
  });

  // Somebody may answer meanwhile: asked for while the page is looked at.
  const ask = async () => {
    if (document.hidden || busy || dirty || stopped) return;
    const answer = await fetch(form.dataset.liveUrl, { redirect: "error" });
    if (answer.ok && !dirty && !busy) put(await answer.text());
  };
  const look = () => (dirty ? keep() : ask().catch(() => { /* offline: the next try says more */ }));
  setInterval(look, 15_000);
  document.addEventListener("visibilitychange", () => { if (document.hidden) keep(); });

  count();
  if (document.activeElement === text) text.setSelectionRange(text.value.length, text.value.length);
})();
