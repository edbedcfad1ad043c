// The pages work without this. It adds: the
// link of this page in sight, copying a secret, and how far a check is.
"use strict";
(() => {
  const here = document.querySelector(".sections [aria-current]");
  if (here) here.parentElement.scrollLeft = here.offsetLeft - here.parentElement.clientWidth / 3;
  for (const button of document.querySelectorAll("button.copy")) {
    if (!navigator.clipboard) continue;
    button.hidden = false;
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).textContent);
      button.textContent = "Copied";
    });
  }
  const check = document.querySelector("#check[data-running]");
  const follow = async () => {
    try {
      const reply = await fetch("/admin/audit/state");
      if (reply.redirected || reply.status === 401 || reply.status === 403) return;
      const news = await reply.json();
      if (!news.running) { location.reload(); return; }
      check.textContent = news.text;
    } catch { /* it is tried again */ }
    setTimeout(follow, 1000);
  };
  if (check) follow();
})();
