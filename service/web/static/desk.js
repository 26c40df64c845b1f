// Comfort for the desk. Every act works without this file; nothing here is needed to decide.
"use strict";

(() => {
  const keysOn = document.currentScript.dataset.keys === "on";
  const every = (selector) => [...document.querySelectorAll(selector)];
  const one = (selector) => document.querySelector(selector);
  document.documentElement.classList.add("js");

  // A filter that is chosen is applied; the button is there for those without this file.
  every(".no-js").forEach((button) => { button.hidden = true; });
  every("[data-submits]").forEach((field) => field.addEventListener("change", () => field.form.requestSubmit()));

  // The open row and the marked message are brought into view, inside their own pane only.
  const centre = (element) => {
    const pane = element?.closest(".scroll");
    if (pane && pane.scrollHeight > pane.clientHeight) {
      const offset = element.getBoundingClientRect().top - pane.getBoundingClientRect().top;
      pane.scrollTop += offset - pane.clientHeight / 3;
    }
  };
  centre(one(".row[aria-current]"));
  if (!location.hash) centre(one(".msg.marked"));

  // One menu at a time; Escape closes it and gives the focus back.
  const enter = (menu) => {
    every(".menu[open]").forEach((other) => { if (other !== menu) other.open = false; });
    menu.querySelector(".sheet button, .sheet textarea").focus();
  };
  every(".menu").forEach((menu) => {
    menu.addEventListener("toggle", () => { if (menu.open) enter(menu); });
    menu.addEventListener("keydown", (event) => {
      if (event.key === "Escape") { menu.open = false; menu.querySelector("summary").focus(); }
    });
  });

  const dialog = one("dialog.keys");
  every("[data-opens]").forEach((link) => link.addEventListener("click", (event) => {
    event.preventDefault();
    dialog.showModal();
  }));

  // The undo bar goes when its time is over.
  every("[data-undo]").forEach((undo) => setTimeout(() => undo.remove(), 10_000));

  // What the brand said is asked for again while something of it moves.
  const answers = one("[data-answers]");
  const follow = async () => {
    if (!answers.querySelector("[data-moving]") || answers.contains(document.activeElement)) return;
    const answer = await fetch(answers.dataset.answers, { redirect: "error" });
    if (!answer.ok) return;
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    answers.replaceChildren(...[...fresh.body.childNodes].map((node) => document.adoptNode(node)));
  };
  if (answers) setInterval(() => follow().catch(() => { /* offline: the next try says more */ }), 3_000);

  // Single keys, never while somebody writes or holds a modifier.
  const step = (by) => {
    const rows = every("[data-rows] .row .title");
    const at = rows.findIndex((row) => row.closest(".row").getAttribute("aria-current"));
    const next = rows[at < 0 ? 0 : at + by];
    if (next) location.assign(next.href);
  };
  const press = (key) => {
    if (key === "j") { step(1); return true; }
    if (key === "k") { step(-1); return true; }
    if (key === "?") { dialog?.showModal(); return true; }
    const target = one(`[data-key="${CSS.escape(key)}"]`);
    target?.click();
    // At once, not with the event that comes later: what is typed next must land in the field.
    const menu = target?.closest(".menu");
    if (menu?.open) enter(menu);
    return Boolean(target);
  };
  const writes = (target) => target.closest("input, textarea, select, dialog, [contenteditable]");
  if (keysOn) {
    document.addEventListener("keydown", (event) => {
      if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
      if (event.key.length !== 1 || event.key === " " || writes(event.target)) return;
      if (press(event.key.toLowerCase())) event.preventDefault();
    });
  }

  // What came since: asked politely, shown as a pill. The list never moves by itself.
  const list = one("[data-news]");
  const pill = one("[data-pill]");
  const ask = async () => {
    if (document.hidden) return;
    const answer = await fetch(list.dataset.news, { headers: { Accept: "application/json" }, redirect: "error" });
    if (!answer.ok) return;
    const news = await answer.json();
    if (!news.new || pill.firstChild?.textContent === news.words) return;
    const link = document.createElement("a");
    link.className = "btn small";
    link.href = list.dataset.fresh;
    link.textContent = news.words;
    pill.replaceChildren(link);
    pill.hidden = false;
  };
  if (list?.dataset.news) setInterval(() => ask().catch(() => { /* offline: the next try says more */ }), 20_000);
})();
