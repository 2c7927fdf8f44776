// What pages do beyond HTML. Everything works without this file; it only tells, guards and walks.
"use strict";
const body = document.body, status = document.getElementById("done"), shownAt = new Date();

// One live region says what goes on.
function say(words, kind) {
  const line = document.createElement("p");
  line.className = `bar ${kind || ""}`;
  line.textContent = words;
  status.replaceChildren(...(words ? [line] : []));
}

// The arrow keys walk the rows of a figure's own table, and say each.
for (const figure of document.querySelectorAll("figure.picture")) {
  const table = figure.querySelector("table");
  if (!table || !table.tBodies[0]) continue;
  const heads = [...table.tHead.rows[0].cells].map((cell) => cell.textContent);
  const rows = [...table.tBodies[0].rows];
  const said = document.createElement("output");
  figure.append(said);
  figure.tabIndex = 0;
  figure.setAttribute("aria-label", figure.querySelector("figcaption").textContent);
  let at = -1;
  figure.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    const end = { Home: 0, End: rows.length - 1 }[event.key];
    if (event.target !== figure || event.altKey || event.ctrlKey || event.metaKey) return;
    if (step === undefined && end === undefined) return;
    event.preventDefault();
    at = end ?? Math.min(Math.max(at + step, 0), rows.length - 1);
    const cells = [...rows[at].cells].map((cell) => cell.textContent);
    said.textContent = `${cells[0]}: ` + cells.slice(1).map((cell, n) => `${heads[n + 1]} ${cell}`).join(" · ");
  });
  figure.addEventListener("focusout", () => { said.textContent = ""; at = -1; });
}

// A form goes once, and only while the server is there: what was typed is never lost to an error page.
let lost = false;
async function isThere() {
  try {
    return (await fetch("/healthz", { cache: "no-store", signal: AbortSignal.timeout(4000) })).ok;
  } catch { return false; }
}
function tell(isLost) {
  if (isLost === lost) return;
  lost = isLost;
  const time = shownAt.toLocaleTimeString(document.documentElement.lang, { hour: "2-digit", minute: "2-digit" });
  say(lost ? body.dataset.lost.replace("<time>", time) : "", "lost");
  for (const button of document.querySelectorAll("main form button")) {
    button.toggleAttribute("aria-disabled", lost);
    if (lost) button.title = body.dataset.lostButton; else button.removeAttribute("title");
  }
  if (lost) setTimeout(async function again() { (await isThere()) ? tell(false) : setTimeout(again, 5000); }, 5000);
}
addEventListener("offline", () => tell(true));
addEventListener("online", async () => tell(!(await isThere())));
addEventListener("submit", async (event) => {
  const form = event.target;
  if (event.defaultPrevented) return;
  if (form.dataset.sent) return void event.preventDefault();
  if (form.method === "get") return void wait();
  if (form.dataset.checked) return void (form.dataset.sent = "yes");
  event.preventDefault();
  if (form.dataset.asking) return;
  form.dataset.asking = "yes";
  const there = await isThere();
  delete form.dataset.asking;
  tell(!there);
  if (!there) return;
  form.dataset.checked = "yes";
  form.requestSubmit(event.submitter);
});

// A question that is not answered at once is said to be under way.
const timers = [];
function wait() {
  timers.push(setTimeout(() => say(body.dataset.computing), 400));
  timers.push(setTimeout(() => say(body.dataset.computingLong), 10000));
}
addEventListener("pageshow", (event) => {
  if (!event.persisted) return;
  timers.splice(0).forEach(clearTimeout);
  for (const form of document.forms) for (const mark of ["sent", "checked", "asking"]) delete form.dataset[mark];
  say("");
});

// Meeting mode: the arrow keys go from step to step.
const steps = [...document.querySelectorAll(".review.large .block")];
if (steps.length) addEventListener("keydown", (event) => {
  const way = { ArrowRight: 1, PageDown: 1, ArrowLeft: -1, PageUp: -1 }[event.key];
  if (!way || event.target.closest("input, select, textarea, figure")) return;
  event.preventDefault();
  const now = steps.findLastIndex((one) => one.getBoundingClientRect().top < innerHeight / 3);
  const next = steps[Math.min(Math.max(now + way, 0), steps.length - 1)];
  next.tabIndex = -1;
  next.focus({ preventScroll: true });
  next.scrollIntoView({ block: "start" });
});
