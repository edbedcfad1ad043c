// Answers given without a network: kept on this device by the worker, sent by a page, never both lost
// and done. One for each task, and each is one person's.
"use strict";
const HeldAnswers = {
  async _cache() { return caches.open("held"); },
  async all() {
    if (!("caches" in self)) return [];
    const cache = await this._cache();
    return Promise.all((await cache.keys()).map(async (key) => (await cache.match(key)).json()));
  },
  async put(answer) { await (await this._cache()).put(`/held/${answer.id}`, new Response(JSON.stringify(answer))); },
  async drop(id) { await (await this._cache()).delete(`/held/${id}`); },
  async clear() { await caches.delete("held"); },
  // What a card's form holds; null for what is not kept: a yes that is proved or typed, and files.
  from(id, sent) {
    const fields = [];
    let shown = null;
    for (const [name, value] of sent) {
      if (name === "typed" || name === "proof") return null;
      if (typeof value !== "string") { if (value.size) return null; }
      else if (name === "shown") shown = JSON.parse(value);
      else if (name !== "csrf") fields.push([name, value]);
    }
    const one = (name) => (fields.find((field) => field[0] === name) || [])[1];
    if (!shown || !one("outcome")) return null;
    return { id, ...shown, outcome: one("outcome"), digest: one("digest"), step: one("step"), fields, at: Date.now(), state: "held" };
  },
};
