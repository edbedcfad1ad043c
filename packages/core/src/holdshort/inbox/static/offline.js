// Reading without a network, and answers that wait for one. Nothing here is ever shown as done before
// the server has said so.
"use strict";
(() => {
  const first = (selector, root = document) => root.querySelector(selector);
  const made = (name, fields, ...inside) => { const one = Object.assign(document.createElement(name), fields); one.append(...inside); return one; };
  const me = document.body.dataset.person;
  const clock = (at) => new Date(at).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
  const day = (at) => new Date(at).toDateString() === new Date().toDateString() ? clock(at) : new Date(at).toLocaleString();
  const main = first("main");
  if ("notSent" in document.body.dataset) first("#not-sent").hidden = false;
  if (!("serviceWorker" in navigator && "caches" in window) || !main) return;

  const seen = Number(document.body.dataset.kept);
  if (seen) main.prepend(made("p", { id: "as-of", className: "live", textContent: `Offline, as of ${day(seen)}. This may be old.` }));
  if (!me && !seen && !("notSent" in document.body.dataset) && location.pathname !== "/offline") return;

  // The worker keeps what is looked at from now on; this page as well.
  navigator.serviceWorker.register("/sw.js").catch(() => {});
  const card = first("article[data-live=card]"), form = first("#decide");
  const mayHold = form && card && !form.elements.typed && !form.elements.proof;
  const prepare = () => { if (mayHold && navigator.serviceWorker.controller) form.dataset.holds = "1"; };
  prepare();
  navigator.serviceWorker.addEventListener("controllerchange", () => { prepare(); if (card || first("[data-live=list]")) fetch(location.pathname).catch(() => {}); });
  addEventListener("submit", (event) => {
    if (event.target !== form || !mayHold) return;
    const field = form.elements.shown || form.appendChild(made("input", { type: "hidden", name: "shown" }));
    const label = event.submitter ? event.submitter.textContent.trim() : "";
    field.value = JSON.stringify({ person: me, version: Number(card.dataset.version), title: first("h1").textContent, label });
  }, true);

  // What is held, what became of it.
  const box = made("section", { id: "held", hidden: true });
  box.setAttribute("aria-label", "Answers held on this device");
  box.setAttribute("role", "status");
  main.prepend(box);
  const button = (text, act) => made("button", { type: "button", textContent: text, onclick: act });
  const line = (one) => {
    const what = `“${one.label || one.outcome}” for ${one.title}`;
    const link = (text, href) => made("a", { className: "button", textContent: text, href });
    const gone = async () => { await HeldAnswers.drop(one.id); await show(); };
    if (one.state === "held") return made("div", { className: "warn" }, made("p", {}, made("strong", { textContent: "Held, not sent: " }), `${what}, answered at ${day(one.at)} on this device. When you are online, it is checked again and sent.`), button("Do not send it", gone));
    if (one.state === "sent") return made("div", { className: "note" }, made("p", { textContent: `Sent at ${day(one.done)}: ${what}.` }), link("Look at it", `/inbox/${one.id}`), button("Hide this", gone));
    return made("div", { className: "warn" }, made("p", {}, made("strong", { textContent: "Not sent: " }), `${what}. ${one.why}`), link("Look at it", `/inbox/${one.id}`), button("Hide this", gone));
  };
  // Somebody else's are nobody's any more: they were never sent, and are not shown to others.
  const dropped = (async () => {
    const others = (await HeldAnswers.all()).filter((one) => me && one.person !== me);
    for (const one of others) await HeldAnswers.drop(one.id);
    return others.length;
  })();
  const show = async () => {
    const lost = await dropped, all = await HeldAnswers.all(), mine = all.filter((one) => !me || one.person === me);
    box.replaceChildren(...mine.map(line));
    if (lost) box.append(made("p", { className: "warn", textContent: `${lost} answer${lost === 1 ? "" : "s"} held here by somebody else ${lost === 1 ? "was" : "were"} dropped, and never sent.` }));
    box.hidden = !box.childElementCount;
    const here = card && mine.some((one) => one.id === card.dataset.id && one.state === "held");
    if (form) form.closest("section").hidden = Boolean(here);
    return mine.filter((one) => one.state === "held");
  };

  // Sending: only what still is what was looked at, and only by whom it was answered.
  const page = async (reply) => new DOMParser().parseFromString(await reply.text(), "text/html");
  const refused = (one, why) => HeldAnswers.put({ ...one, state: "refused", why });
  const send = async (one) => {
    const state = await fetch(`/inbox/${one.id}/state`, { headers: { accept: "application/json" } });
    if (state.redirected || state.status === 401 || state.status >= 500) return false;
    if (!state.ok) return refused(one, "This is not yours any more.");
    const now = await state.json();
    if (!now.open) return refused(one, now.text);
    if (now.digest !== one.digest || String(now.step) !== one.step) return refused(one, "What is asked has changed since. Look at it again.");
    if (now.version !== one.version) return refused(one, "Something has happened with it since. Look at it again.");
    const fresh = await page(await fetch(`/inbox/${one.id}`)), there = first("#decide", fresh);
    if (fresh.body.dataset.kept || fresh.body.dataset.person !== one.person) return false;
    if (!there) return refused(one, first(".decide .warn", fresh)?.textContent || "It cannot be answered now.");
    if (there.elements.typed || there.elements.proof) return refused(one, "This needs more than a tap by now. Look at it again.");
    const sent = new URLSearchParams([...one.fields, ["csrf", there.elements.csrf.value]]);
    const reply = await fetch(`/inbox/${one.id}/decide`, { method: "POST", body: sent });
    if (reply.status >= 500) return false;
    if (reply.redirected && !new URL(reply.url).pathname.startsWith("/sign-in")) return HeldAnswers.put({ ...one, state: "sent", done: Date.now() });
    const problem = first("main .problem, main [role=alert]", await page(reply));
    return refused(one, problem ? problem.textContent : "It was not taken.");
  };
  let waiting = 0;
  const sendAll = () => navigator.locks.request("held-answers", { ifAvailable: true }, async (lock) => {
    if (!lock || !me) return;
    for (const one of await show()) {
      try { await send(one); } catch { break; }
    }
    await show();
  });
  const look = async () => {
    clearTimeout(waiting);
    const left = await show();
    if (seen || left.length) {
      try {
        await fetch("/manifest.webmanifest", { cache: "no-store" });
        await sendAll();
        if (seen) { location.reload(); return; }
      } catch { /* not yet */ }
    }
    if (seen || (await show()).length) waiting = setTimeout(look, 2000);
  };
  addEventListener("online", look);
  addEventListener("pageshow", (event) => { if (event.persisted) look(); });
  look();

  // Whoever signs out leaves nothing on this device: no pages, no answers, no address for messages.
  const forget = async (csrf) => {
    await caches.delete("pages");
    await HeldAnswers.clear();
    const registration = await navigator.serviceWorker.getRegistration();
    const push = await registration?.pushManager?.getSubscription();
    if (!push) return;
    const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(push.endpoint)));
    const id = [...hash.slice(0, 16)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
    await fetch(`/devices/${id}/revoke`, { method: "POST", body: new URLSearchParams({ csrf }) });
    await push.unsubscribe();
  };
  addEventListener("submit", async (event) => {
    const { target, submitter } = event;
    if (target.getAttribute("action") !== "/sign-out" || target.dataset.ready) return;
    event.preventDefault();
    const left = (await HeldAnswers.all()).filter((one) => one.state === "held").length;
    if (left && !confirm(`${left} answer${left === 1 ? " is" : "s are"} held on this device and not sent. Signing out drops ${left === 1 ? "it" : "them"}.`)) return;
    target.dataset.ready = "1";
    try {
      await Promise.race([forget(target.elements.csrf.value), new Promise((done) => setTimeout(done, 5000))]);
    } catch { /* signing out goes on */ }
    target.requestSubmit(submitter);
  }, true);
})();
