// Passkeys: to sign in, to add one, and to show one for what somebody is about to do.
"use strict";
(() => {
  const known = Boolean(window.PublicKeyCredential && navigator.credentials);
  const bytes = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (one) => one.charCodeAt(0));
  const text = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");

  // From the server's JSON to what the browser takes, and back.
  const options = (found) => {
    const taken = { ...found, challenge: bytes(found.challenge) };
    if (found.user) taken.user = { ...found.user, id: bytes(found.user.id) };
    for (const name of ["allowCredentials", "excludeCredentials"]) {
      if (found[name]) taken[name] = found[name].map((one) => ({ ...one, id: bytes(one.id) }));
    }
    return taken;
  };
  const answer = (found) => {
    const response = {};
    for (const name of ["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"]) {
      if (found.response[name]) response[name] = text(found.response[name]);
    }
    return JSON.stringify({ id: found.id, rawId: text(found.rawId), type: found.type, response });
  };

  const ask = async (path, form, names) => {
    const sent = new URLSearchParams();
    for (const name of names) if (form.elements[name]) sent.set(name, form.elements[name].value);
    if (form.dataset.outcome) sent.set("outcome", form.dataset.outcome);
    const reply = await fetch(path, { method: "POST", body: sent });
    if (reply.ok && (reply.headers.get("content-type") || "").startsWith("application/json")) return reply.json();
    const page = new DOMParser().parseFromString(await reply.text(), "text/html");
    throw new Error(page.querySelector("[role=alert]")?.textContent || "Your session has ended: sign in again.");
  };
  const show = async (asked) => answer(await navigator.credentials.get({ publicKey: options(asked) }));
  const make = async (asked) => answer(await navigator.credentials.create({ publicKey: options(asked) }));
  const why = (error) => error.name === "NotAllowedError" ? "No passkey was shown: you may have closed the window, or there is none on this device."
    : error.name === "InvalidStateError" ? "This device has a passkey of yours for Holdshort already."
    : error.message;
  const say = (form, said) => {
    let line = form.querySelector(".passkey-problem, .problem[hidden]");
    if (!line) {
      line = Object.assign(document.createElement("p"), { className: "problem passkey-problem" });
      line.setAttribute("role", "alert");
      form.append(line);
    }
    line.hidden = !said;
    line.textContent = said;
  };

  // What is shown only where it works.
  for (const form of document.querySelectorAll("form[data-passkey]")) {
    if (known && !form.dataset.notHere) form.hidden = false;
  }
  for (const note of document.querySelectorAll("[data-without-passkeys]")) note.hidden = known;

  // A form is held back until the passkey has been shown, then it goes its way.
  const FIELDS = ["csrf", "digest", "step", "arguments", "id"];
  addEventListener("submit", async (event) => {
    const { target: form, submitter } = event;
    const path = form.dataset.passkey || form.dataset.prove;
    if (!path || !known || form.dataset.ready) return;
    // Only a yes needs one; and what is to be typed first is typed first.
    if (form.dataset.prove && submitter && submitter.name === "outcome" && !submitter.classList.contains("yes")) return;
    if (form.elements.typed && !form.elements.typed.value.trim()) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    if (form.dataset.asking) return;
    form.dataset.asking = "1";
    say(form, "");
    try {
      if (submitter && submitter.name === "outcome") form.dataset.outcome = submitter.value;
      let asked = await ask(path, form, FIELDS);
      if (asked.prove) {
        form.elements.proof.value = await show(asked.prove);
        if (asked.again) asked = await ask(path, form, [...FIELDS, "proof"]);
      }
      if (asked.publicKey) form.elements.answer.value = await show(asked.publicKey);
      if (asked.create) form.elements.answer.value = await make(asked.create);
      form.dataset.ready = "1";
      form.requestSubmit(submitter || undefined);
    } catch (error) {
      say(form, why(error));
    } finally {
      delete form.dataset.asking;
      delete form.dataset.outcome;
    }
  }, true);
  addEventListener("pageshow", () => {
    for (const form of document.querySelectorAll("form[data-ready]")) delete form.dataset.ready;
  });
})();
