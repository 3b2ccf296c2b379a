"use strict";
// What our pages share. Text that comes from data is set as text, never as HTML.
const $ = (id) => document.getElementById(id);

function make(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (value !== null && value !== undefined && value !== false) node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}
const when = (text) => (text ? new Date(text).toLocaleString([], { dateStyle: "medium", timeStyle: "short" }) : "");
function ago(text) {
  if (!text) return "never";
  const s = Math.max(0, (Date.now() - new Date(text)) / 1000);
  const [n, unit] = s < 90 ? [s, "s"] : s < 5400 ? [s / 60, "min"] : s < 172800 ? [s / 3600, "h"] : [s / 86400, "days"];
  return `${Math.round(n)} ${unit} ago`;
}

async function ask(path, options = {}) {
  const answer = await fetch(path, { credentials: "same-origin", headers: { Accept: "application/json" }, ...options });
  if (answer.status === 401) {
    location.reload();
    throw new Error("You are no longer logged in.");
  }
  const said = await answer.json().catch(() => ({}));
  if (!answer.ok) {
    const why = typeof said.detail === "string" ? said.detail : `the server answers with status ${answer.status}`;
    throw new Error(said.remedy ? `${why}. ${said.remedy}` : why);
  }
  return said;
}
