// The pages work without this. It adds: countdowns, live news, holding to approve, keys, drafts.
"use strict";
(() => {
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const first = (selector) => document.querySelector(selector);

  // Times in the reader's zone, and how long is left.
  const left = (until) => {
    const seconds = Math.max(0, Math.round((until - Date.now()) / 1000));
    const parts = [["d", 86400], ["h", 3600], ["min", 60], ["s", 1]];
    const found = [];
    let rest = seconds;
    for (const [name, size] of parts) {
      const count = Math.floor(rest / size);
      rest -= count * size;
      if (count) found.push(`${count} ${name}`);
    }
    return found.slice(0, 2).join(" ") || "0 s";
  };
  const localTimes = (root) => {
    for (const time of all("time", root)) {
      const at = new Date(time.dateTime);
      if (isNaN(at)) continue;
      time.title = time.dateTime;
      time.textContent = at.toLocaleString();
      if (time.classList.contains("countdown")) {
        const show = () => { time.textContent = `${at.toLocaleString()} (in ${left(at)})`; };
        show();
        setInterval(show, 1000);
      }
    }
  };
  localTimes(document);

  // Taking an answer back: the seconds are the server's.
  for (const form of all("form.undo")) {
    const until = new Date(form.dataset.until);
    const show = () => {
      const seconds = Math.ceil((until - Date.now()) / 1000);
      form.querySelector(".seconds").textContent = Math.max(0, seconds);
      if (seconds <= 0) form.hidden = true;
    };
    show();
    setInterval(show, 250);
  }

  // Long values start closed, and nobody can say yes before they have been opened.
  const long = all("details.long");
  const yes = all("button.yes", first("#decide") || document.createElement("div"));
  const why = first("#why-disabled");
  const unread = () => long.filter((one) => !one.dataset.read);
  // Without a network only what offline.js holds may be answered.
  const cannot = () => !navigator.onLine && !first("#decide[data-holds]");
  const check = () => {
    const open = unread().length;
    for (const button of yes) button.disabled = open > 0 || cannot();
    if (!why) return;
    why.hidden = open === 0 && !cannot();
    why.textContent = cannot() ? "You are offline. This answer is not kept for later: give it when you are online."
      : `Open the ${open} long value${open === 1 ? "" : "s"} above before you say yes.`;
  };
  for (const one of long) {
    one.open = false;
    one.addEventListener("toggle", () => { if (one.open) { one.dataset.read = "1"; check(); } });
  }
  const connection = () => {
    const line = first("#online");
    if (line) line.hidden = navigator.onLine;
    check();
  };
  addEventListener("online", connection);
  addEventListener("offline", connection);
  connection();

  // Medium risk: keep it pressed.
  for (const button of all("button[data-hold]")) {
    const help = first(".hold-help");
    if (help) help.hidden = false;
    let timer = 0;
    const begin = () => {
      if (timer || button.disabled) return;
      button.classList.add("holding");
      timer = setTimeout(() => {
        button.form.elements.held.value = "1";
        button.form.requestSubmit(button);
      }, 800);
    };
    const end = () => { clearTimeout(timer); timer = 0; button.classList.remove("holding"); };
    button.addEventListener("pointerdown", begin);
    for (const name of ["pointerup", "pointerleave", "pointercancel", "blur"]) button.addEventListener(name, end);
    button.addEventListener("keydown", (event) => { if (event.key === " " || event.key === "Enter") { event.preventDefault(); begin(); } });
    button.addEventListener("keyup", end);
    button.addEventListener("click", (event) => { if (button.form.elements.held.value !== "1") event.preventDefault(); });
  }

  // What was typed is kept on this device until it is sent.
  const form = first("form[data-draft]");
  if (form) {
    const key = `draft-${form.dataset.draft}`;
    const kept = all("textarea,select,input:not([type=hidden]):not([type=file]):not([type=password])", form).filter((one) => one.id !== "typed");
    try {
      const draft = JSON.parse(sessionStorage.getItem(key) || "{}");
      for (const one of kept) {
        if (one.type === "checkbox") { if (`${one.name}=${one.value}` in draft) one.checked = draft[`${one.name}=${one.value}`]; }
        else if (draft[one.name] && !one.value.trim()) one.value = draft[one.name];
      }
    } catch { sessionStorage.removeItem(key); }
    form.addEventListener("input", () => {
      const draft = {};
      for (const one of kept) draft[one.type === "checkbox" ? `${one.name}=${one.value}` : one.name] = one.type === "checkbox" ? one.checked : one.value;
      sessionStorage.setItem(key, JSON.stringify(draft));
    });
    form.addEventListener("submit", (event) => {
      if (cannot()) { event.preventDefault(); return; }
      if (form.dataset.sent) { event.preventDefault(); return; }
      form.dataset.sent = "1";
      sessionStorage.removeItem(key);
    });
    addEventListener("pageshow", () => { delete form.dataset.sent; });
  }

  // A part of this page as the server has it now; what somebody is typing in stays.
  const fetched = async () => {
    // What a form was answered with has the address of the form.
    const id = first("article[data-live]")?.dataset.id;
    const reply = await fetch(id ? `/inbox/${id}` : location.pathname + location.search);
    return reply.ok && !reply.redirected ? new DOMParser().parseFromString(await reply.text(), "text/html") : null;
  };
  const renew = async (selector, page) => {
    const fresh = (page || await fetched())?.querySelector(selector);
    const here = first(selector);
    if (fresh && here && !here.contains(document.activeElement)) { here.innerHTML = fresh.innerHTML; localTimes(here); }
  };

  // News of this card, as they happen elsewhere.
  const card = first("article[data-live]");
  if (card) {
    const live = first("#live");
    const follow = async (version) => {
      for (;;) {
        try {
          const reply = await fetch(`/inbox/${card.dataset.id}/state?version=${version}&wait_seconds=25`, { headers: { accept: "application/json" } });
          if (reply.status === 401 || reply.redirected) return;
          if (!reply.ok) throw new Error(reply.status);
          const news = await reply.json();
          if (news.version !== version) {
            version = news.version;
            await renew("[data-live=talk]");
            const other = news.digest !== card.dataset.digest || String(news.step) !== card.dataset.step;
            if (!other) card.dataset.version = version;
            live.hidden = news.open && !other && news.text === "This waits for a decision.";
            live.textContent = news.open && other ? "What is asked has changed. Load this card again before you answer." : news.text;
            if (!news.open || other) {
              for (const button of all(".decide button")) button.disabled = true;
              for (const one of all(".decide a.button")) one.hidden = true;
              for (const one of all("button[name=ask], .waiting")) one.hidden = true;
              if (!news.open) return;
            }
          }
        } catch { await new Promise((done) => setTimeout(done, 3000)); }
      }
    };
    follow(Number(card.dataset.version));
  }

  // The list: nothing moves under the finger. What is gone says so in its place, what is new is
  // announced and comes when it is asked for.
  const list = first("[data-live=list]");
  if (list) {
    const more = first("#news button");
    const rows = (root) => new Map(all("[data-id]", root).map((row) => [row.dataset.id, row]));
    let latest = null;
    const takeOver = () => { list.innerHTML = latest.querySelector("[data-live=list]").innerHTML; more.hidden = true; };
    more.addEventListener("click", () => { takeOver(); first("[data-live=list] a")?.focus(); });
    const gone = async (row) => {
      if (row.classList.contains("gone")) return;
      row.classList.add("gone");
      const reply = await fetch(`/inbox/${row.dataset.id}/state`, { headers: { accept: "application/json" } });
      const due = row.querySelector(".due");
      if (due) due.textContent = reply.ok ? (await reply.json()).text : "This is not yours any more.";
    };
    const merge = async () => {
      latest = await fetched();
      const fresh = latest && latest.querySelector("[data-live=list]");
      if (!fresh) return;
      const here = rows(list), there = rows(fresh);
      for (const [id, row] of here) {
        const next = there.get(id);
        if (!next) await gone(row);
        else if (next.dataset.version !== row.dataset.version) {
          row.dataset.version = next.dataset.version;
          row.classList.remove("gone");
          row.querySelector(".due").textContent = next.querySelector(".due").textContent;
        }
      }
      const count = [...there.keys()].filter((id) => !here.has(id)).length;
      if (count && !here.size) takeOver();
      else { more.hidden = !count; more.textContent = `Show ${count} new`; }
      await renew(".filters", latest);
      document.title = latest.title;
    };
    const follow = async (seen) => {
      for (;;) {
        try {
          const query = new URLSearchParams(location.search);
          query.delete("undo");
          query.set("seen", seen);
          query.set("wait_seconds", "25");
          const reply = await fetch(`/inbox/news?${query}`, { headers: { accept: "application/json" } });
          if (reply.status === 401 || reply.redirected) return;
          if (!reply.ok) throw new Error(reply.status);
          const news = await reply.json();
          if (news.seen !== seen) { await merge(); seen = news.seen; }
        } catch { await new Promise((done) => setTimeout(done, 3000)); }
      }
    };
    follow(list.dataset.seen);
  }

  // Keys, for those who have them.
  const help = {
    j: "next", k: "back to the list", a: "say yes", r: "say no", e: "change it first",
    d: "hand it over", u: "undo", "/": "search", "?": "these keys",
  };
  addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.matches("input,textarea,select")) return;
    if (event.key === "?") {
      const box = document.createElement("dialog");
      box.innerHTML = "<h2>Keys</h2><dl></dl><form method=dialog><button>Close</button></form>";
      for (const [key, text] of Object.entries(help)) {
        const row = document.createElement("div");
        row.append(Object.assign(document.createElement("dt"), { textContent: key }), Object.assign(document.createElement("dd"), { textContent: text }));
        box.querySelector("dl").append(row);
      }
      box.addEventListener("close", () => box.remove());
      document.body.append(box);
      box.showModal();
      return;
    }
    if (list && (event.key === "j" || event.key === "k")) {
      const links = all("a", list);
      const at = links.indexOf(document.activeElement);
      const to = links[event.key === "j" ? Math.min(at + 1, links.length - 1) : Math.max(at - 1, 0)];
      if (to) to.focus();
      return;
    }
    const target = first(`[data-key="${CSS.escape(event.key)}"]`);
    if (!target) return;
    event.preventDefault();
    // A yes is never one key: it takes the focus, and is pressed then.
    if (target.matches("button.yes, button.no, input, summary")) target.focus();
    else target.click();
  });
})();
