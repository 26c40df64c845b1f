// Passkeys: what the browser alone can do. Without this file people sign in with password and code.
"use strict";

(() => {
  const able = window.PublicKeyCredential?.parseRequestOptionsFromJSON && window.PublicKeyCredential.prototype.toJSON;
  if (!able) return;

  const token = document.querySelector("[name=csrf_token]").value;
  const headers = { Accept: "application/json", "Content-Type": "application/json", "X-CSRFToken": token };
  const post = (address, body) => fetch(address, { method: "POST", headers, body: JSON.stringify(body), redirect: "error" });

  const ceremony = (adds, options) => (adds
    ? navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(options) })
    : navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(options) }));

  const run = async (button) => {
    const { ask, send, prove, passkey } = button.dataset;
    const asked = await post(ask, {});
    if (asked.status === 401 && prove) { location.assign(prove); return ""; }
    if (!asked.ok) return button.dataset.broken;
    const answer = await ceremony(passkey === "add", await asked.json());
    const sent = await post(send, { answer: answer.toJSON() });
    const said = await sent.json();
    if (!sent.ok) return said.problem;
    location.assign(said.next);
    if (said.next.includes("#")) location.reload();
    return "";
  };

  document.querySelectorAll("[data-passkey]").forEach((button) => {
    const place = document.getElementById(button.dataset.says);
    button.closest("[data-needs-script]").hidden = false;
    button.addEventListener("click", async () => {
      button.disabled = true;
      // Whoever closes the browser's own window, or waits too long, gets one and the same error.
      const problem = await run(button).catch(() => button.dataset.broken);
      button.disabled = false;
      place.hidden = !problem;
      place.lastElementChild.textContent = problem;
    });
  });
})();
