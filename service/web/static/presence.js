// Who else is here: a beat every twenty seconds, and a question that is answered "unchanged" most of the time.
"use strict";

(() => {
  const form = document.querySelector("#presence");
  const around = document.querySelector("[data-around]");
  const changed = document.querySelector("[data-changed]");
  const BEAT = 20_000;
  const WRITES = 10_000;
  let typed = -Infinity; // when the last key was pressed, and when the desk was last told so
  let said = -Infinity;
  let tag = "";

  const body = (fields) => {
    const data = new FormData(form);
    Object.entries(fields).forEach(([name, value]) => data.set(name, value));
    return data;
  };
  const beat = () => {
    const now = performance.now();
    const typing = now - typed < WRITES ? "1" : "0";
    if (typing === "1") said = now;
    return fetch(form.action, { method: "POST", body: body({ typing }), redirect: "error" });
  };

  const line = (words, className, icon) => {
    const item = document.createElement("li");
    item.className = className;
    const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    svg.setAttribute("class", "icon");
    svg.setAttribute("aria-hidden", "true");
    const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
    use.setAttribute("href", icon);
    svg.append(use);
    item.append(svg, words);
    return item;
  };
  const icons = document.querySelector("[data-changed] use").getAttribute("href").split("#")[0];

  const show = (found) => {
    const pieces = [];
    if (found.taken) {
      const banner = line(found.taken, "banner med slim", `${icons}#assign`);
      const words = document.createElement("p");
      words.className = banner.className;
      const span = document.createElement("span");
      span.append(found.taken);
      words.append(banner.firstChild, span);
      pieces.push(words);
    }
    if (found.here.length) {
      const list = document.createElement("ul");
      list.className = "flow snug meta small";
      list.append(...found.here.map((words) => line(words, "flow snug", `${icons}#eye`)));
      pieces.push(list);
    }
    around.replaceChildren(...pieces);
    changed.hidden = String(found.version) === form.dataset.version;
  };
  const ask = async () => {
    const headers = tag ? { "If-None-Match": tag } : {};
    const answer = await fetch(form.dataset.ask, { headers: { Accept: "application/json", ...headers }, redirect: "error" });
    if (answer.status !== 200) return;
    tag = answer.headers.get("ETag") || "";
    show(await answer.json());
  };

  const quietly = (promise) => promise.catch(() => { /* offline: the next try says more */ });
  const turn = () => { if (!document.hidden) quietly(beat().then(ask)); };
  turn();
  setInterval(turn, BEAT);
  setInterval(() => { if (!document.hidden) quietly(ask()); }, BEAT / 4);

  // Writing is said once in a while, not with each key.
  document.addEventListener("input", (event) => {
    if (!event.target.matches("textarea")) return;
    typed = performance.now();
    if (typed - said > WRITES / 2) quietly(beat());
  });
  addEventListener("pagehide", () => navigator.sendBeacon(form.action, body({ gone: "1" })));
})();
