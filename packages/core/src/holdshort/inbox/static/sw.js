// Without a network: the pages that were looked at, as they were, and answers held until there is one.
// With one: messages pushed to this device. The server puts VERSION and SHELL above this line.
"use strict";
importScripts("/static/held.js");
const SHELL_CACHE = `shell-${VERSION}`, PAGES = "pages", WHO = "/whose";
const CARD = /^\/inbox\/([0-9a-f-]{36})$/, DECIDE = /^\/inbox\/([0-9a-f-]{36})\/decide$/;
// The browser's own page would do as well, but these are never answered from here at all.
const NEVER = /^\/(sign-in|m|v1|slack)(\/|$)/;
const MOST_PAGES = 60, LONGEST_KEPT = 24 * 3600 * 1000;

addEventListener("install", (event) => {
  const fresh = SHELL.map((path) => new Request(path, { cache: "reload" }));
  event.waitUntil(caches.open(SHELL_CACHE).then((cache) => cache.addAll(fresh)).then(() => skipWaiting()));
});
addEventListener("activate", (event) => event.waitUntil((async () => {
  for (const name of await caches.keys()) if (name.startsWith("shell-") && name !== SHELL_CACHE) await caches.delete(name);
  await clients.claim();
})()));

const isKept = (path) => path === "/inbox" || CARD.test(path);
const marked = async (reply, mark) => {
  const text = (await reply.text()).replace("<body", `<body ${mark}`);
  return new Response(text, { status: 200, headers: reply.headers });
};
const whose = async () => { const found = await (await caches.open(PAGES)).match(WHO); return found ? found.text() : null; };

const keep = async (path, reply) => {
  // Somebody who is not signed in is sent away from these pages: what was kept is nobody's any more.
  if (reply.type === "opaqueredirect" || reply.redirected) { await caches.delete(PAGES); return; }
  const who = reply.headers.get("holdshort-person");
  if (!reply.ok || !who) {
    if (reply.status === 403 || reply.status === 404) await (await caches.open(PAGES)).delete(path);
    return;
  }
  if ((await whose()) !== who) await caches.delete(PAGES);
  const cache = await caches.open(PAGES), headers = new Headers(reply.headers);
  headers.set("holdshort-kept", String(Date.now()));
  await cache.put(WHO, new Response(who));
  await cache.put(path, new Response(await reply.blob(), { headers }));
  const pages = (await cache.keys()).filter((key) => isKept(new URL(key.url).pathname));
  for (const key of pages.slice(0, Math.max(0, pages.length - MOST_PAGES))) await cache.delete(key);
};

const kept = async (path) => {
  const cache = await caches.open(PAGES), found = await cache.match(path);
  if (!found || found.headers.get("holdshort-person") !== (await whose())) return null;
  const at = Number(found.headers.get("holdshort-kept"));
  if (Date.now() - at > LONGEST_KEPT) { await cache.delete(path); return null; }
  return marked(found, `data-kept="${at}"`);
};

const shown = async (event, url) => {
  try {
    const reply = await fetch(event.request), plain = [...url.searchParams.keys()].every((name) => name === "undo");
    if (isKept(url.pathname) && plain) event.waitUntil(keep(url.pathname, reply.clone()));
    return reply;
  } catch (error) {
    const found = isKept(url.pathname) ? await kept(url.pathname) : null;
    if (found) return found;
    if (event.request.mode !== "navigate") throw error;
    return (await caches.match("/offline")) || Response.error();
  }
};

// What could not be sent is held where it may be; the page says so, and it is sent by a page later.
const decided = async (request, id) => {
  const copy = request.clone();
  try { return await fetch(request); } catch { /* held below */ }
  const answer = HeldAnswers.from(id, await copy.formData());
  if (!answer || answer.person !== (await whose())) return marked(await caches.match("/offline"), "data-not-sent");
  await HeldAnswers.put(answer);
  return Response.redirect(`/inbox/${id}`, 303);
};

// Whoever signs out leaves nothing here, even where the server does not hear of it.
const signedOut = async (request) => {
  try { return await fetch(request); } catch { return marked(await caches.match("/offline"), "data-not-sent"); }
  finally { await caches.delete(PAGES); await HeldAnswers.clear(); }
};

addEventListener("fetch", (event) => {
  const { request } = event, url = new URL(request.url), path = url.pathname;
  if (url.origin !== location.origin || NEVER.test(path)) return;
  if (request.method === "POST" && request.mode === "navigate") {
    const card = DECIDE.exec(path);
    if (card) event.respondWith(decided(request, card[1]));
    else if (path === "/sign-out") event.respondWith(signedOut(request));
  } else if (request.method === "GET") {
    if (SHELL.includes(path) && path !== "/offline") event.respondWith(fetch(request).catch(async () => (await caches.match(path)) || Response.error()));
    else if (request.mode === "navigate" || isKept(path)) event.respondWith(shown(event, url));
  }
});

// Messages. One that cannot be read is shown as well: browsers take the permission away otherwise.
const until = (moment) => {
  const at = new Date(moment), today = at.toDateString() === new Date().toDateString();
  const time = { hour: "2-digit", minute: "2-digit" };
  return `Until ${today ? at.toLocaleTimeString([], time) : at.toLocaleString([], { month: "short", day: "numeric", ...time })}.`;
};
addEventListener("push", (event) => {
  let said = {};
  try { said = event.data.json(); } catch { /* said below */ }
  const body = [said.text, said.until && until(said.until)].filter(Boolean).join(" ");
  event.waitUntil(registration.showNotification(said.title || "Something waits for you in Holdshort", {
    body, tag: said.tag || "holdshort", renotify: true, icon: "/static/icon-192.png", badge: "/static/icon-192.png",
    data: { path: said.path || "/inbox" }, actions: [{ action: "open", title: "Open" }],
  }));
});
addEventListener("notificationclick", (event) => {
  event.notification.close();
  const url = new URL(event.notification.data.path, location.origin);
  if (url.origin !== location.origin) return;
  event.waitUntil((async () => {
    const open = await clients.matchAll({ type: "window" });
    const there = open.find((one) => one.url === url.href);
    if (there) return there.focus();
    return clients.openWindow(url.href);
  })());
});
