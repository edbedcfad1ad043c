// Adds this browser to the list of devices that messages are pushed to.
"use strict";
(() => {
  const first = (selector) => document.querySelector(selector);
  const form = first("#push"), note = first("#no-push");
  if (!form) return;
  const installed = matchMedia("(display-mode: standalone)").matches;
  if (/iPhone|iPad/.test(navigator.userAgent) && !installed) first("#ios").hidden = false;
  if (!("serviceWorker" in navigator && "PushManager" in window && "Notification" in window)) return;
  const bytes = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (one) => one.charCodeAt(0));
  const text = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
  const say = (said) => { const line = form.querySelector("[role=alert]"); line.hidden = !said; line.textContent = said; };

  const worker = () => Promise.race([navigator.serviceWorker.ready, new Promise((_, failed) => setTimeout(() => failed(new Error("Your browser has not started what takes messages: load this page again.")), 15000))]);
  const subscribed = async () => {
    if ((await Notification.requestPermission()) !== "granted") throw new Error("Your browser does not let this page send messages: allow notifications in its settings for this page, then try again.");
    const registration = await worker();
    const key = bytes(form.dataset.key), before = await registration.pushManager.getSubscription();
    // An address that was made for another key of this server takes nothing from it.
    if (before && text(before.options.applicationServerKey) !== form.dataset.key) await before.unsubscribe();
    return registration.pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: key });
  };
  form.addEventListener("submit", async (event) => {
    if (form.dataset.ready) return;
    event.preventDefault();
    say("");
    try {
      const found = await subscribed();
      form.elements.endpoint.value = found.endpoint;
      form.elements.p256dh.value = text(found.getKey("p256dh"));
      form.elements.auth.value = text(found.getKey("auth"));
      form.dataset.ready = "1";
      form.requestSubmit();
    } catch (error) { say(error.message); }
  });

  // Shown when it works: a form that is sent before would hold nothing.
  note.hidden = true;
  form.hidden = false;
  const look = async () => {
    const known = await (await worker()).pushManager.getSubscription();
    if (!known) return;
    const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(known.endpoint)));
    const id = [...hash.slice(0, 16)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
    const listed = Boolean(first(`form[action="/devices/${id}"]`));
    form.querySelector(".on").hidden = !listed;
    form.querySelector(".add").hidden = listed;
  };
  look().catch((error) => say(error.message));
})();
