// Keeps the page as the project is, and sends what people do to /v1/actions. Everything on a page is
// made by the server; this replaces the parts that have changed (data-live) by their newer form.
"use strict";
(() => {
  const one = (selector, inside = document) => inside.querySelector(selector);
  const all = (selector, inside = document) => [...inside.querySelectorAll(selector)];
  const store = (kind) => { try { return window[kind]; } catch { return null; } };
  const tab = store("sessionStorage");
  const browser = store("localStorage");
  document.documentElement.classList.add("script");

  // --- times: how long ago, as commands show it

  const age = (seconds) => {
    for (const [unit, length] of [["d", 172800], ["h", 7200], ["m", 120]]) {
      const size = { d: 86400, h: 3600, m: 60 }[unit];
      if (seconds >= length) return `${Math.floor(seconds / size)}${unit} ago`;
    }
    return seconds < 5 ? "just now" : `${Math.floor(seconds)}s ago`;
  };
  const showAges = () => {
    for (const each of all("time[datetime]")) {
      const moment = Date.parse(each.dateTime);
      if (Number.isNaN(moment)) continue;
      each.title = each.dateTime;
      each.textContent = age(Math.max(0, (Date.now() - moment) / 1000));
    }
  };

  // --- what has changed replaces what was there

  const shown = new Map(all("[data-live]").map((each) => [each.id, each.outerHTML]));
  const keepChosen = (before, after) => {
    const chosen = new Set(all("input[name=pick]:checked", before).map((each) => each.value));
    for (const each of all("input[name=pick]", after)) each.checked = chosen.has(each.value);
    all(".log", before).forEach((log, number) => {
      const same = all(".log", after)[number];
      if (same) same.dataset.place = atEnd(log) ? "end" : log.scrollTop;
    });
  };
  const atEnd = (log) => log.scrollHeight - log.scrollTop - log.clientHeight < 8;
  const place = (inside) => {
    for (const log of all(".log", inside)) {
      if (log.closest(".products, #why")) continue;
      const kept = log.dataset.place;
      log.scrollTop = kept === undefined || kept === "end" ? log.scrollHeight : Number(kept);
    }
  };
  const take = (text) => {
    const page = new DOMParser().parseFromString(text, "text/html");
    for (const part of all("[data-live]", page)) {
      const before = document.getElementById(part.id);
      const html = part.outerHTML;
      if (!before || shown.get(part.id) === html) continue;
      shown.set(part.id, html);
      const focused = before.contains(document.activeElement) ? where(before) : null;
      const after = document.importNode(part, true);
      keepChosen(before, after);
      if (after.dataset.load) after.replaceChildren(...before.childNodes);
      before.replaceWith(after);
      place(after);
      if (after.dataset.load) load(after);
      if (focused !== null) all("a, button, input, [tabindex]", after)[focused]?.focus();
    }
    document.title = page.title;
    showAges();
    picked();
  };
  const where = (part) => all("a, button, input, [tabindex]", part).indexOf(document.activeElement);

  const fetchPage = async (address) => {
    const answer = await fetch(address, { headers: { Accept: "text/html" }, cache: "no-cache" });
    if (answer.status === 401) location.reload();
    if (!answer.ok) throw new Error(`the service answers ${answer.status}`);
    return answer.text();
  };
  let asked = 0;
  let busy = false;
  let again = false;
  const refresh = async () => {
    if (busy) { again = true; return; }
    busy = true;
    const mine = ++asked;
    try {
      const text = await fetchPage(location.href);
      if (mine === asked) take(text);
    } catch (error) {
      if (!(error instanceof TypeError && error.message.includes("fetch"))) throw error;
    } finally {
      busy = false;
    }
    if (again) { again = false; setTimeout(refresh, 500); }
  };
  const load = async (part) => {
    try {
      const text = await fetchPage(part.dataset.load);
      const page = new DOMParser().parseFromString(text, "text/html");
      if (part.isConnected && page.body.childNodes.length) {
        part.replaceChildren(...[...page.body.childNodes].map((each) => document.importNode(each, true)));
        showAges();
      }
    } catch { /* what the page says already stays */ }
  };

  // --- the stream of events says when something has changed

  const live = one("#live");
  const follow = () => {
    if (document.body.dataset.newest === "") return;
    // From what the page shows on: what happens before the stream is open is not missed.
    const stream = new EventSource(`/v1/events/stream?after=${document.body.dataset.newest}`);
    let timer = 0;
    stream.onmessage = () => {
      // The first of several events starts the clock: a steady stream must not put it off for ever.
      timer ||= setTimeout(() => { timer = 0; refresh(); }, 150);
    };
    // The journal was put back to an earlier state: whatever the page shows may be wrong.
    stream.addEventListener("reset", stream.onmessage);
    let lost = false;
    stream.onopen = () => {
      live.textContent = "live";
      live.classList.remove("away");
      if (lost) refresh();
      lost = false;
    };
    stream.onerror = () => {
      lost = true;
      live.textContent = "no connection";
      live.classList.add("away");
      // A browser gives up where the answer is an error, such as too many requests.
      if (stream.readyState === EventSource.CLOSED) setTimeout(follow, 5000);
    };
    addEventListener("pagehide", () => stream.close(), { once: true });
  };

  // --- filters: the list follows what is typed

  const filter = one("#filter");
  const go = async (address) => {
    history.replaceState(null, "", address);
    const mine = ++asked;
    try {
      const text = await fetchPage(address);
      if (mine === asked) take(text);
    } catch (error) { say(String(error.message || error)); }
  };
  if (filter) {
    let timer = 0;
    const changed = () => {
      const parts = new URLSearchParams();
      for (const [name, value] of new FormData(filter)) if (value) parts.append(name, value);
      if (parts.get("sort") === "urgency") parts.delete("sort");
      go(`/${parts.size ? `?${parts}` : ""}`);
    };
    filter.addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(changed, 120); });
    filter.addEventListener("submit", (event) => { event.preventDefault(); clearTimeout(timer); changed(); });
  }

  // --- since your last visit: a visit ends when nothing was looked at for half an hour

  const lastVisit = () => {
    if (!browser || !one("#last-visit")) return;
    const name = `asimov visit ${location.host}`;
    const now = Date.now();
    const known = JSON.parse(browser.getItem(name) || "{}");
    if (known.seen && now - known.seen > 1800000) known.before = known.seen;
    known.seen = now;
    browser.setItem(name, JSON.stringify(known));
    if (!known.before) return;
    const link = one("#last-visit");
    const since = new Date(known.before).toISOString().replace(/\.\d+Z$/, "Z");
    link.href = `/?${new URLSearchParams({ since })}`;
    link.title = since;
    link.hidden = false;
  };

  // --- choosing analyses

  const picks = () => all("input[name=pick]:checked").map((each) => each.value);
  const picked = () => {
    const many = one("#many");
    if (!many) return;
    const count = picks().length;
    one("#picked").textContent = count;
    many.hidden = !count;
  };
  document.addEventListener("change", (event) => {
    if (event.target.id === "pick-all") {
      for (const each of all("input[name=pick]")) each.checked = event.target.checked;
    }
    if (event.target.matches("[name=pick], #pick-all")) picked();
  });

  // --- acting: every change is confirmed, and carries a key that a page of another site can't have

  const WORDS = {
    restart: ["Restart", "The next monitor pass removes its job, moves its run directory aside, and it runs again."],
    rerun: ["Rerun", "It runs again; its stored results stay until new ones take their place."],
    stop: ["Stop", "The next monitor pass removes its job."],
    cancel: ["Cancel", "It will never run; a job of it is removed."],
    set: ["Set state", ""],
    review: ["Review", ""],
    answer: ["Answer", "It goes on with these answers."],
  };
  const dialog = one("#act");
  let doing = null;
  const ask = (action, analyses, more = {}) => {
    doing = { action, analyses, more, name: crypto.getRandomValues(new Uint32Array(4)).join("-") };
    const [word, about] = WORDS[action];
    one("#act-title").textContent = `${action === "set" ? "Set the state of" : word} ${analyses.length === 1 ? analyses[0] : `${analyses.length} analyses`}?`;
    one("#act-about").textContent = about;
    one("#act-do").textContent = word;
    one("#act-names").replaceChildren(...(analyses.length > 1 ? analyses : []).map((each) => {
      const item = document.createElement("li");
      item.textContent = each;
      return item;
    }));
    one("#act-reason").textContent = action === "review" ? "Message" : "Reason, for the log";
    one("#act-reason").parentElement.hidden = action === "answer";
    one("#act-state").hidden = action !== "set";
    one("#act-verdict").hidden = action !== "review";
    one("#act-state select").replaceChildren(...(more.states || []).map((each) => new Option(each)));
    one("#act-key").hidden = Boolean(tab?.getItem("asimov key"));
    one("[name=reason]", dialog).value = "";
    fault("");
    dialog.showModal();
    (one("#act-key").hidden ? one("#act-do") : one("[name=key]", dialog)).focus();
  };
  const addressOf = ({ action, analyses }) => {
    if (action === "rerun") return "/v1/reruns";
    if (action !== "answer") return "/v1/actions";
    const [subject, name] = analyses[0].split("/").map(encodeURIComponent);
    return `/v1/subjects/${subject}/analyses/${name}/answer`;
  };
  // What could not be done, as the answers to actions and reruns say it.
  const refusedBy = (reply) => [
    ...(reply.items || []).filter((each) => each.refused).map((each) => [each.analysis, each.refused]),
    ...Object.entries({ ...reply.left, ...reply.failed }),
  ];
  const fault = (text) => {
    one("#act-fault").textContent = text;
    one("#act-fault").hidden = !text;
  };
  const act = async () => {
    const given = one("[name=key]", dialog).value.trim();
    const key = given || tab?.getItem("asimov key");
    if (!key) { fault("this needs a key that may write"); return; }
    const reason = one("[name=reason]", dialog).value.trim();
    const verdict = one("[name=verdict]", dialog).value;
    let body = { action: doing.action, analyses: doing.analyses };
    if (doing.action === "rerun") body = { analyses: doing.analyses };
    if (reason) body.reason = reason;
    if (doing.action === "set") body.status = one("[name=status]", dialog).value;
    if (doing.action === "review" && verdict) body.status = verdict;
    if (doing.action === "answer") body = { answers: doing.more.answers };
    one("#act-do").disabled = true;
    fault("");
    try {
      const answer = await fetch(addressOf(doing), {
        method: "POST",
        headers: {
          "Authorization": `Bearer ${key}`,
          "Content-Type": "application/json",
          // Sent again after a lost answer, it is not carried out again.
          "Idempotency-Key": doing.name,
        },
        body: JSON.stringify(body),
      });
      const reply = await answer.json();
      if (answer.status === 401) tab?.removeItem("asimov key");
      if (!answer.ok) {
        one("#act-key").hidden = answer.status !== 401 && answer.status !== 403;
        fault([reply.detail, reply.hint].filter(Boolean).join(" (") + (reply.hint ? ")" : ""));
        doing.name = crypto.getRandomValues(new Uint32Array(4)).join("-");
        return;
      }
      tab?.setItem("asimov key", key);
      one("[name=key]", dialog).value = "";
      dialog.close();
      const refused = refusedBy(reply);
      const done = doing.analyses.length - refused.length;
      say(refused.length ? `${done} done; ${refused[0].join(": ")}` : `${WORDS[doing.action][0]}: done`);
      for (const each of all("input[name=pick]")) each.checked = false;
      picked();
      refresh();
    } catch (error) {
      fault(`no answer (${error.message}); try again: it is carried out once all the same`);
    } finally {
      one("#act-do").disabled = false;
    }
  };
  if (dialog) {
    one("form", dialog).addEventListener("submit", (event) => { event.preventDefault(); act(); });
    one("[value=close]", dialog).addEventListener("click", () => dialog.close());
  }
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-act]");
    if (!button) return;
    const single = button.closest("[data-analysis]");
    const analyses = single ? [single.dataset.analysis] : picks();
    if (analyses.length) ask(button.dataset.act, analyses, { states: button.dataset.states?.split(" ") });
  });
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.id !== "answer") return;
    event.preventDefault();
    const answers = {};
    for (const [name, value] of new FormData(form)) {
      if (value.trim() === "") continue;
      try { answers[name] = JSON.parse(value); } catch { answers[name] = value; }
    }
    ask("answer", [form.dataset.analysis], { answers });
  });
  let saying = 0;
  const say = (text) => {
    const said = one("#said");
    said.textContent = text;
    said.hidden = false;
    clearTimeout(saying);
    saying = setTimeout(() => { said.hidden = true; }, 6000);
  };

  // --- from another machine, reading needs a key too

  const enter = one("#enter");
  if (enter) {
    enter.addEventListener("submit", async (event) => {
      event.preventDefault();
      const key = one("[name=key]", enter).value.trim();
      const answer = await fetch("/key", { headers: { Authorization: `Bearer ${key}` } });
      if (answer.ok) { tab?.setItem("asimov key", key); location.reload(); return; }
      const reply = await answer.json();
      one(".fault", enter).textContent = reply.detail;
      one(".fault", enter).hidden = false;
    });
    return;
  }

  // --- keys

  let at = -1;
  const step = (by) => {
    const items = all("tr[data-item]");
    if (!items.length) return;
    items[at]?.classList.remove("at");
    at = Math.min(Math.max(at + by, 0), items.length - 1);
    items[at].classList.add("at");
    one("th a", items[at]).focus();
  };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.matches("input:not([type=checkbox]), select, textarea") || one("dialog[open]")) return;
    const pick = () => one("input[name=pick]", all("tr[data-item]")[at] || document)?.click();
    const keys = {
      "/": () => one("[type=search]")?.focus(), "j": () => step(1), "k": () => step(-1), "x": pick,
      "o": () => { location.href = "/"; }, "c": () => { location.href = "/changes"; },
      "g": () => { location.href = "/graph"; }, "?": () => one("#keys").showModal(),
    };
    if (keys[event.key]) { event.preventDefault(); keys[event.key](); }
  });

  // --- logs that grow leave no event

  const tail = one("#follow");
  if (tail) {
    tail.hidden = false;
    setInterval(() => { if (one("input", tail).checked && !document.hidden) refresh(); }, 1000);
  }
  if (one("#logs")) setInterval(() => { if (!document.hidden && one(".state.active")) refresh(); }, 3000);

  showAges();
  setInterval(showAges, 5000);
  place(document);
  for (const each of all("[data-load]")) load(each);
  lastVisit();
  live.hidden = false;
  live.textContent = "connecting";
  follow();
})();
