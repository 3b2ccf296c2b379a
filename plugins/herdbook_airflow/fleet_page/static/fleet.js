"use strict";
// The page asks every few seconds, and only while somebody looks. Text from devices is set as text, never as HTML.
const REFRESH_MS = 5000, ROWS = 100;
const TONE = {
  running: "busy", paused: "wait", stopped: "bad", aborted: "bad", done: "good", pending: "quiet", passed: "good",
  failed: "bad", proved: "good", told: "busy", away: "wait", leaving: "wait", left: "wait", stuck: "bad", skipped: "quiet",
  refused: "bad",
};
const SAYS = {
  pause: ["Pause this rollout?", "No further device is told until it is resumed. Gates look on.", "Pause"],
  resume: ["Resume this rollout?", "The next devices are told with the next step.", "Resume"],
  abort: ["Abort this rollout?", "This is final. Devices that took the release up go back to their former one, if the policy says so.", "Abort for good"],
};
const state = { offset: 0, which: "", drawn: "", me: { may_edit: false }, open: new Set() };

const tag = (word) => make("span", { class: `tag ${TONE[word] ?? "quiet"}` }, word);
function decide(number, deed) {
  const [title, text, word] = SAYS[deed];
  $("ask-title").textContent = title;
  $("ask-text").textContent = text;
  $("sure").textContent = word;
  $("sure").className = deed === "abort" ? "grave" : "";
  $("reason").value = "";
  $("ask").onclose = async () => {
    if ($("ask").returnValue !== "yes") return;
    try {
      await ask(`rollouts/${number}/${deed}`, {
        method: "POST",
        headers: { Accept: "application/json", "Content-Type": "application/json", "X-Herdbook": "fleet" },
        body: JSON.stringify({ reason: $("reason").value }),
      });
      $("said").textContent = "";
    } catch (error) {
      $("said").textContent = `Not done: ${error.message}`;
    }
    await refresh();
  };
  $("ask").returnValue = "no";
  $("ask").showModal();
}

function buttons(rollout) {
  const can = { pause: rollout.phase === "running", resume: rollout.phase === "paused", abort: ["running", "paused"].includes(rollout.phase) };
  const why = state.me.may_edit ? null : "Your role may not change rollouts";
  return make("div", { class: "buttons" }, ...Object.entries(can).map(([deed, fits]) =>
    make("button", {
      type: "button", id: deed, class: deed === "abort" ? "grave" : null, title: why,
      disabled: !(fits && state.me.may_edit), onclick: () => decide(rollout.rollout, deed),
    }, deed[0].toUpperCase() + deed.slice(1))));
}

function meter(wave) {
  const order = ["proved", "told", "leaving", "left", "away", "failed", "stuck"];
  const said = Object.entries(wave.counts).map(([phase, n]) => `${n} ${phase}`).join(", ");
  return make("div", { class: "meter", role: "img", "aria-label": said, title: said }, ...order
    .filter((phase) => wave.counts[phase])
    .map((phase) => {
      const part = make("i", { class: TONE[phase] });
      part.style.width = `${(100 * wave.counts[phase]) / wave.devices}%`;
      return part;
    }));
}

function evidence(wave) {
  const { certificates: held, drift } = wave.evidence;
  if (!held && !drift) return null;
  const parts = [];
  if (held) {
    const bound = held.bound === undefined ? "" : ` Lower bound of the share that proves: ${held.bound} (at least ${held.least_share} is asked, confidence ${held.confidence}).`;
    parts.push(make("p", {}, `Certificates: ${held.why}.${bound}${held.away ? ` ${held.away} do not answer.` : ""}`));
  }
  if (drift) parts.push(make("p", {}, `Behaviour on ${drift.clips} clips, read by both releases: ${drift.why}.`));
  if (drift?.figures?.length) {
    const number = (value) => Number(value).toFixed(3);
    parts.push(make("table", {},
      make("thead", {}, make("tr", {}, ...["Figure", "Former", "New", "Compared by", "Interval", "Tolerated", ""].map((t) => make("th", { scope: "col" }, t)))),
      make("tbody", {}, ...drift.figures.map((f) => make("tr", { class: f.outside ? "out" : null },
        make("th", { scope: "row" }, f.name), make("td", {}, number(f.old)), make("td", {}, number(f.new)), make("td", {}, f.scale),
        make("td", {}, `${number(f.low)} to ${number(f.high)}`), make("td", {}, `${number(f.least)} to ${number(f.most)}`),
        make("td", {}, f.outside ? "outside" : ""))))));
  }
  const key = `${wave.wave}`;
  return make("details", { open: state.open.has(key), ontoggle: (event) => state.open[event.target.open ? "add" : "delete"](key) },
    make("summary", {}, "Evidence"), ...parts);
}

function drawRollout(rollout) {
  const counts = (wave) => Object.entries(wave.counts).map(([phase, n]) => `${n} ${phase}`).join(", ");
  const looked = rollout.looked_at.filter((d) => d.reason && d.phase !== "skipped");
  $("rollout").replaceChildren(make("div", { class: "card" },
    make("div", { class: "bar" },
      make("div", {}, make("h3", {}, `${rollout.release} `, tag(rollout.phase)),
        make("p", { class: "quiet" }, `Rollout ${rollout.rollout}, begun by ${rollout.by} on ${when(rollout.began)}${rollout.ended ? `, ended ${when(rollout.ended)}` : ""}`)),
      rollout.latest ? buttons(rollout) : null),
    rollout.reason ? make("p", { class: TONE[rollout.phase], id: "reason-given" }, rollout.reason) : null,
    make("ol", { class: "waves" }, ...rollout.waves.map((wave) => make("li", {},
      make("div", { class: "wave" }, make("strong", {}, wave.name), tag(wave.phase), meter(wave),
        make("span", { class: "quiet" }, counts(wave))),
      wave.evidence.why ? make("p", { class: `why ${wave.phase === "failed" ? "bad" : "quiet"}` }, wave.evidence.why) : null,
      evidence(wave)))),
    looked.length ? make("details", { open: state.open.has("looked"), ontoggle: (e) => state.open[e.target.open ? "add" : "delete"]("looked") },
      make("summary", {}, `${looked.length} devices to look at`),
      make("table", {}, make("tbody", {}, ...looked.map((d) => make("tr", {}, make("th", { scope: "row" }, d.device), make("td", {}, tag(d.phase)), make("td", {}, d.reason)))))) : null));
}

function row(device) {
  const differs = device.desired && device.desired !== device.actual;
  return make("tr", {},
    make("th", { scope: "row" }, device.device), make("td", {}, device.farm), make("td", {}, device.sku ?? ""),
    make("td", {}, device.desired ?? "", device.pinned ? make("small", {}, `pinned to ${device.pinned}`) : null),
    make("td", { class: differs ? "wait" : null }, device.actual ?? "", device.serving === false ? make("small", {}, "not serving") : null),
    make("td", {}, device.certificate ? tag(device.certificate) : ""),
    make("td", { title: when(device.last_seen) }, ago(device.last_seen), device.said ? make("small", {}, device.said) : null),
    make("td", {}, device.last_day ?? ""));
}

async function drawDevices() {
  const query = new URLSearchParams({ q: $("q").value, farm: $("farm").value, show: $("show").value, offset: state.offset, limit: ROWS });
  const found = await ask(`devices?${query}`);
  if (state.offset >= found.fitting && state.offset) {
    state.offset = 0;
    return drawDevices();
  }
  $("summary").textContent = `${found.devices} devices on ${found.farms.length} farms`;
  fill($("farm"), [["", "all"], ...found.farms.map((farm) => [farm, farm])]);
  $("devices").replaceChildren(...found.rows.map(row));
  const last = state.offset + found.rows.length;
  $("page").textContent = found.fitting ? `${state.offset + 1} to ${last} of ${found.fitting}` : "no device fits";
  $("back").disabled = state.offset === 0;
  $("next").disabled = last >= found.fitting;
}

function fill(select, options) {
  const held = select.value;
  if (JSON.stringify([...select.options].map((o) => [o.value, o.text])) === JSON.stringify(options)) return;
  select.replaceChildren(...options.map(([value, text]) => make("option", { value }, text)));
  if (options.some(([value]) => value === held)) select.value = held;
}

async function refresh() {
  try {
    const rollouts = await ask("rollouts");
    fill($("which"), rollouts.map((r) => [`${r.rollout}`, `${r.rollout}: ${r.release}, ${r.phase}`]));
    if (!state.which && rollouts.length) $("which").value = `${rollouts[0].rollout}`;
    $("which").parentElement.hidden = rollouts.length < 2;
    if (rollouts.length) {
      const found = await ask(`rollouts/${$("which").value}`);
      const drawn = JSON.stringify([found, state.me]);
      if (drawn !== state.drawn) {  // what is the same stays, and with it the focus
        const held = document.activeElement?.id;
        drawRollout(found);
        if (held) document.getElementById(held)?.focus();
        state.drawn = drawn;
      }
    }
    await drawDevices();
    if ($("said").textContent.startsWith("No answer")) $("said").textContent = "";
  } catch (error) {
    $("said").textContent = `No answer: ${error.message}`;
  }
}

let typing;
const anew = () => { state.offset = 0; drawDevices().catch((error) => { $("said").textContent = `No answer: ${error.message}`; }); };
$("q").addEventListener("input", () => { clearTimeout(typing); typing = setTimeout(anew, 200); });
$("filter").addEventListener("submit", (event) => event.preventDefault());
for (const id of ["farm", "show"]) $(id).addEventListener("change", anew);
$("which").addEventListener("change", () => { state.which = $("which").value; state.open.clear(); refresh(); });
$("back").addEventListener("click", () => { state.offset = Math.max(0, state.offset - ROWS); refresh(); });
$("next").addEventListener("click", () => { state.offset += ROWS; refresh(); });
ask("me").then((me) => { state.me = me; }).catch(() => {}).finally(refresh);
setInterval(() => { if (!document.hidden && !$("ask").open) refresh(); }, REFRESH_MS);
