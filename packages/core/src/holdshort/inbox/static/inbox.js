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
  for (const time of all("time")) {
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
  const check = () => {
    const open = unread().length;
    for (const button of yes) button.disabled = open > 0 || !navigator.onLine;
    if (!why) return;
    why.hidden = open === 0 && navigator.onLine;
    why.textContent = !navigator.onLine ? "You are offline, so nothing can be decided."
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
      if (!navigator.onLine) { event.preventDefault(); return; }
      if (form.dataset.sent) { event.preventDefault(); return; }
      form.dataset.sent = "1";
      sessionStorage.removeItem(key);
    });
    addEventListener("pageshow", () => { delete form.dataset.sent; });
  }

  // A file stays on this device; its name and SHA-256 become the evidence.
  const file = first("#evidence_file");
  if (file && crypto.subtle) {
    file.closest(".field").hidden = false;
    file.addEventListener("change", async () => {
      const chosen = file.files[0];
      if (!chosen) return;
      const hash = await crypto.subtle.digest("SHA-256", await chosen.arrayBuffer());
      first("#evidence_place").value = [...new Uint8Array(hash)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
      if (!first("#evidence_name").value) first("#evidence_name").value = chosen.name;
    });
  }

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
            live.hidden = false;
            live.textContent = news.text;
            if (!news.open) {
              for (const button of all(".decide button")) button.disabled = true;
              for (const one of all(".decide a.button")) one.hidden = true;
              return;
            }
          }
        } catch { await new Promise((done) => setTimeout(done, 3000)); }
      }
    };
    follow(Number(card.dataset.version));
  }

  // The list, looked at again while it is seen.
  const list = first("[data-live=list]");
  if (list) {
    setInterval(async () => {
      if (document.hidden || !navigator.onLine) return;
      try {
        const reply = await fetch(location.href);
        if (!reply.ok || reply.redirected) return;
        const fresh = new DOMParser().parseFromString(await reply.text(), "text/html");
        const next = fresh.querySelector("[data-live=list]");
        if (next && next.innerHTML !== list.innerHTML && !list.contains(document.activeElement)) list.innerHTML = next.innerHTML;
        const nav = fresh.querySelector(".filters");
        if (nav) first(".filters").innerHTML = nav.innerHTML;
      } catch { /* it is tried again */ }
    }, 5000);
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
