"use strict";
// The page asks once a minute, and only while somebody looks. What is the same stays as it is, and with it the focus.
const REFRESH_MS = 60000;
const SIGNS = {
  loaded: ["●", "loaded: in the lake"],
  landed: ["◐", "landed: waits for its load"],
  fetching: ["◔", "fetching: the next night goes on"],
  missing: ["○", "missing: the device answers and has no such day"],
  silent: ["?", "silent: the device did not answer"],
  refused: ["✕", "refused: it cannot land as it is"],
  unknown: ["·", "unknown: nobody asked"],
};
const drawn = {};

const day = (text) => new Date(`${text}T12:00:00Z`).toLocaleDateString([], { day: "numeric", month: "short", timeZone: "UTC" });
const weekday = (text) => new Date(`${text}T12:00:00Z`).toLocaleDateString([], { weekday: "short", timeZone: "UTC" });
const clock = (text) => new Date(text).toLocaleString([], { month: "short", day: "numeric", hour: "2-digit", minute: "2-digit" });
const late = (n) => (n ? `${n} ${n === 1 ? "day" : "days"} late` : null);
const many = (n, one, more = `${one}s`) => `${n.toLocaleString()} ${n === 1 ? one : more}`;
const distinct = (values) => [...new Set(values)];
// A line that people copy into a shell: a name with anything special in it stands in quotes.
const quoted = (text) => (/^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'"'"'`)}'`);
const none = (text) => make("p", { class: "quiet" }, text);

function table(columns, rows) {
  return make("div", { class: "scroll" }, make("table", {},
    make("thead", {}, make("tr", {}, ...columns.map((name) => make("th", { scope: "col" }, name)))),
    make("tbody", {}, ...rows.map((cells) => make("tr", {}, ...cells.map((cell, n) => make(n ? "td" : "th", n ? {} : { scope: "row" }, cell ?? "")))))));
}

function headed(id, first, days) {
  $(id).replaceChildren(make("tr", {}, make("th", { scope: "col" }, first),
    ...days.map((d) => make("th", { scope: "col" }, make("small", {}, weekday(d)), make("span", {}, day(d))))));
}

function nightCell(night) {
  if (!night) return make("td", {}, make("span", { class: "visually-hidden" }, "before its first day"));
  const [sign] = SIGNS[night.standing];
  const told = [night.standing, late(night.late_days), night.quarantined ? `${night.quarantined} set aside` : null, night.why].filter(Boolean).join("; ");
  const marks = [night.late_days ? `+${night.late_days}` : "", night.quarantined ? "!" : ""].join("");
  return make("td", { class: `night ${night.standing}`, title: told },
    make("span", { "aria-hidden": "true", class: "sign" }, sign), marks ? make("sup", { "aria-hidden": "true" }, marks) : null,
    make("span", { class: "visually-hidden" }, told));
}

function drawNights(nights) {
  const days = distinct(nights.map((n) => n.day)).sort();
  headed("night-days", "Device", days);
  const of = Object.groupBy ? Object.groupBy(nights, (n) => n.device) : nights.reduce((all, n) => ((all[n.device] ??= []).push(n), all), {});
  $("night-rows").replaceChildren(...Object.entries(of).map(([device, own]) => {
    const on = Object.fromEntries(own.map((n) => [n.day, n]));
    return make("tr", {}, make("th", { scope: "row" }, device, make("small", {}, own[0].farm)), ...days.map((d) => nightCell(on[d])));
  }));
  const there = new Set(nights.map((n) => n.standing));
  $("legend").replaceChildren(...Object.keys(SIGNS).filter((standing) => there.has(standing)).map((standing) =>
    make("li", { class: `night ${standing}` }, make("span", { class: "sign", "aria-hidden": "true" }, SIGNS[standing][0]), SIGNS[standing][1])));
  const amiss = nights.filter((n) => n.standing !== "loaded" || n.late_days || n.quarantined).sort((a, b) => (a.day < b.day ? 1 : -1));
  $("looks").replaceChildren(...amiss.slice(0, 60).map((n) => make("li", { class: n.standing },
    make("strong", {}, n.device), " ", make("span", {}, `${weekday(n.day)} ${day(n.day)}`), " ", make("b", { class: `word ${n.standing}` }, `${SIGNS[n.standing][0]} ${n.standing}`),
    n.late_days ? make("span", { class: "word" }, late(n.late_days)) : null,
    n.quarantined ? make("a", { class: "word", href: "#quarantine" }, `${n.quarantined} set aside`) : null,
    n.why ? make("p", {}, n.why) : null)));
  if (!amiss.length) $("looks").replaceChildren(make("li", {}, nights.length ? "Nothing: every day is loaded, in time." : "No device is enrolled, or no night was yet."));
  if (!drawn.drawNights) $("night-rows").closest(".scroll").scrollLeft = 1e6;  // on a phone, too, last night is what is seen
  const last = days.at(-1), newest = nights.filter((n) => n.day === last);
  const bytes = newest.reduce((sum, n) => sum + n.bytes, 0);
  $("summary").textContent = last
    ? `${weekday(last)} ${day(last)}: ${newest.filter((n) => n.standing === "loaded").length} of ${many(newest.length, "device")} loaded, ${(bytes / 1e6).toLocaleString([], { maximumFractionDigits: 1 })} MB fetched`
    : "No night was yet.";
}

function coverageCell(camera) {
  if (!camera) return make("td", { class: "quiet" }, make("span", { class: "visually-hidden" }, "not loaded"), make("span", { "aria-hidden": "true" }, "–"));
  const on = make("i", { class: "on" }), badly = make("i", { class: "badly" });
  on.style.width = `${(100 * camera.on_h) / camera.length_h}%`;
  badly.style.width = `${(100 * camera.degraded_h) / camera.length_h}%`;
  const told = `${camera.on_h.toFixed(1)} h seen well, ${camera.degraded_h.toFixed(1)} h badly, of ${camera.length_h.toFixed(0)} h`;
  return make("td", { title: told }, make("span", { class: "hours", "aria-hidden": "true" }, on, badly), make("small", { "aria-hidden": "true" }, `${(camera.on_h + camera.degraded_h).toFixed(1)} h`),
    make("span", { class: "visually-hidden" }, told));
}

function drawCoverage({ cameras, gaps }) {
  const days = distinct(cameras.map((c) => c.day)).sort();
  headed("coverage-days", "Camera", days);
  const names = distinct(cameras.map((c) => `${c.device}\n${c.camera}`));
  $("coverage-rows").replaceChildren(...names.map((name) => {
    const [device, camera] = name.split("\n");
    const on = Object.fromEntries(cameras.filter((c) => c.device === device && c.camera === camera).map((c) => [c.day, c]));
    return make("tr", {}, make("th", { scope: "row" }, camera, make("small", {}, device)), ...days.map((d) => coverageCell(on[d])));
  }));
  if (!cameras.length) $("coverage-rows").replaceChildren(make("tr", {}, make("td", {}, "Nothing is published yet.")));
  $("gaps-title").textContent = many(gaps.length, "gap");
  $("gaps").replaceChildren(...gaps.map((g) => make("tr", {}, make("th", { scope: "row" }, clock(g.started_at)), make("td", {}, clock(g.ended_at)),
    make("td", {}, g.camera, make("small", {}, g.device)), make("td", {}, g.state), make("td", {}, g.reason))));
}

function drawQuarantine(entries) {
  $("set-aside").replaceChildren(entries.length
    ? table(["Device and day", "File", "What", "Why"], entries.map((e) => [`${e.device}, ${day(e.day)}, r${e.revision}`, e.file,
      e.rows === null ? "the whole file" : many(e.rows, "row"), make("span", { class: "reason" }, e.reason, make("small", {}, `${e.error}; quarantine/${e.path}`))]))
    : none("Nothing was set aside."));
}

function pictures(digests, alt) {
  if (!digests.length) return [make("p", { class: "nopicture" }, "no footage is kept")];
  return digests.map((digest, n) => make("a", { href: `pictures/${digest}`, target: "_blank", rel: "noopener" },
    make("img", { src: `pictures/${digest}`, alt: `${alt}, picture ${n + 1}`, loading: "lazy" })));
}
const side = (digests, alt, title, more, kind) => make("figure", { class: kind }, make("div", {}, ...pictures(digests, alt)), make("figcaption", {}, make("strong", {}, title), more ? make("span", {}, ` ${more}`) : null));

function question(q) {
  const claimed = q.claimed ? `claimed to be ${q.claimed}, ${Math.round(100 * q.confidence)} % sure` : "nobody is claimed";
  return make("li", {}, make("h4", {}, q.tracklet_id), make("p", { class: "quiet" }, `${q.why}; ${q.pen_id ?? "no pen"}, camera ${q.camera_id}, ${clock(q.started_at)}`),
    make("div", { class: "sides" }, side(q.pictures, q.tracklet_id, "In question", claimed, "asked"),
      ...q.candidates.map((c) => side(c.pictures, c.animal_id, c.animal_id, `${Math.round(100 * c.probability)} % likely`, "candidate"))),
    make("p", {}, make("code", {}, `herdbook identity review --decide ${quoted(`${q.tracklet_id}=${q.candidates[0]?.animal_id ?? "-"}`)}`)));
}

function frame(item) {
  return make("li", {}, make("h4", {}, `Item ${item.item}: ${item.device_id}, ${day(item.day)}`), make("p", { class: "quiet" }, `${item.reason}; ${item.detail}`),
    make("div", { class: "sides" }, ...Object.entries(item.sides).map(([name, digest]) => side([digest], name, name, name === "student" ? item.student : name === "teacher" ? item.teacher : "", "candidate")),
      Object.keys(item.sides).length ? null : make("p", { class: "nopicture" }, "no picture is kept")),
    make("p", {}, make("code", {}, `herdbook learn review accept ${item.item}`)));
}

function drawReviews(found) {
  $("reviews-made").textContent = found.made_at ? `As of ${when(found.made_at)}. What is decided there leaves the queue with the next night.` : "The queues are made by the night: herdbook herd reviews makes them now.";
  const waiting = found.learning_waiting;
  $("who-title").textContent = `Who is who: ${many(found.identity.length, "tracklet")}`;
  $("frames-title").textContent = `Frames in doubt: ${many(waiting, "frame")}${waiting > found.learning.length ? `, ${found.learning.length} shown` : ""}`;
  $("who").replaceChildren(...found.identity.map(question));
  $("frames").replaceChildren(...found.learning.map(frame));
}

function drawAlerts({ nights, devices }) {
  $("night-alerts").replaceChildren(...nights.map((a) => make("li", {},
    make("strong", {}, a.subject?.device_id ?? a.task_id ?? ""), " ", make("span", {}, `${a.dag_id ?? ""}, ${when(a.at)}`), make("p", {}, a.message))));
  if (!nights.length) $("night-alerts").replaceChildren(make("li", {}, "None."));
  $("device-alerts").replaceChildren(devices.length
    ? table(["Raised", "About", "Rule", "Severity", "Measured", "What became of it"], devices.map((a) => [clock(a.raised_at), a.about ?? a.device_id, a.rule_id, a.severity,
      a.measured === null ? "" : `${Number(a.measured).toPrecision(3)} ${a.unit ?? ""} (threshold ${Number(a.threshold).toPrecision(3)})`, a.outcome ?? "open"]))
    : none("None."));
}

const PARTS = [[() => `nights?days=${$("days").value}`, drawNights], [() => "coverage", drawCoverage], [() => "quarantine", drawQuarantine], [() => "reviews", drawReviews], [() => "alerts", drawAlerts]];

async function refresh() {
  const troubles = await Promise.all(PARTS.map(async ([path, draw]) => {
    try {
      const found = await ask(path());
      const text = JSON.stringify(found);
      if (drawn[draw.name] !== text) draw(found);
      drawn[draw.name] = text;
      return null;
    } catch (error) {
      return error.message;
    }
  }));
  const said = distinct(troubles.filter(Boolean)).join(" ");
  if ($("said").textContent !== said) $("said").textContent = said;
}

$("days").addEventListener("change", refresh);
refresh();
setInterval(() => { if (!document.hidden) refresh(); }, REFRESH_MS);
