// The page shows what the server says as text, never as HTML: host names come from nodes.

const KEY = "oz-license-admin-token";
const EVERY = 10_000;
const GOOD = ["active"];
const WARN = ["renewal_due", "grace", "not_activated", "not_yet_valid"];
const $ = (id) => document.getElementById(id);

/** An element with properties and children; strings become text. */
function make(tag, properties = {}, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

async function ask(method, path, body) {
  const headers = { authorization: `Bearer ${sessionStorage.getItem(KEY)}` };
  const answer = await fetch(path, { method, body, headers });
  if (answer.ok) return answer;
  const said = await answer.json().catch(() => ({}));
  if ([6, 7, 9].includes(said.error_code)) leave();
  throw new Error(said.error_message ?? `the server answered ${answer.status}`);
}

function trouble(error) {
  $("trouble").textContent = error?.message ?? "";
  $("trouble").hidden = !error;
}

/** Runs what a person asked for, and says what went wrong. */
const doing = (work) => async (event) => {
  event?.preventDefault?.();
  try {
    trouble(null);
    await work(event);
  } catch (error) {
    trouble(error);
  }
};

function leave() {
  sessionStorage.removeItem(KEY);
  $("main").hidden = $("forget").hidden = true;
  $("enter").hidden = false;
  $("state").textContent = "";
}

const number = (n) => n.toLocaleString("en");
const moment = (text) => text.replace("T", " ").replace(/(\.\d+)?Z$/, " UTC");
const sum = (counts) => Object.values(counts).reduce((all, n) => all + n, 0);

function facts(license) {
  const claims = license.license;
  const rows = [
    ["License", claims ? `${claims.license_id}, revision ${claims.revision}` : "none"],
    ["Customer", claims?.customer.name],
    ["Days left", license.days_left ?? "no end"],
    ["Ends", license.ends_at ? moment(license.ends_at) : null],
    ["Features", license.features.join(", ") || "none"],
    ["Phones", license.limits.devices ? `${number(license.devices)} of ${number(license.limits.devices)}` : null],
    ["Apps and pages", license.sdk.map((file) => `${file.license_id} (${file.state})`).join(", ")],
    ["Ledger", `${number(license.ledger.count)} entries`],
    ["Version", license.version],
  ];
  const shown = rows.filter(([, value]) => value !== null && value !== undefined && value !== "");
  $("facts").replaceChildren(...shown.flatMap(([name, value]) => [make("dt", {}, name), make("dd", {}, String(value))]));
}

function volume(license) {
  const used = sum(license.used);
  const limit = license.limits.analyses;
  const over = license.limits.overage_percent;
  $("volume").textContent = limit
    ? `${number(used)} of ${number(limit.count)} a ${limit.period}, ${number(Math.max(0, license.left))} left`
        .replace("a total", "in all") + (over ? `, ${over}% overage included` : "")
    : `${number(used)} this month, no limit`;
  $("share").hidden = !limit;
  if (limit) $("share").value = Math.min(1, used / Math.max(1, limit.count));
}

function leases(license) {
  const limit = license.limits.instances;
  $("in-use").textContent = `${license.leases.length} in use${limit ? ` of ${limit}` : ""}`;
  $("leases").hidden = license.leases.length === 0;
  $("leases").tBodies[0].replaceChildren(...license.leases.map((lease) => {
    const release = make("button", { className: "plain" }, "Release");
    release.onclick = doing(async () => {
      await ask("DELETE", `api/leases/${encodeURIComponent(lease.lease_id)}`);
      await show();
    });
    const cells = [lease.hostname, lease.instance_id, lease.version, moment(lease.since), moment(lease.until), release];
    return make("tr", {}, ...cells.map((cell) => make("td", {}, cell)));
  }));
}

async function bars() {
  const answer = await (await ask("GET", `api/usage?group_by=${$("by").value}`)).json();
  const periods = Object.entries(answer.totals).map(([name, counts]) => [name, sum(counts)]);
  const most = Math.max(1, ...periods.map(([, n]) => n));
  $("bars").replaceChildren(...periods.map(([name, n]) => {
    const bar = make("i");
    bar.style.width = `${Math.max(0, (100 * n) / most)}%`;
    return make("li", {}, make("span", {}, name), bar, make("b", {}, number(n)));
  }));
}

async function show() {
  const license = await (await ask("GET", "api/license")).json();
  $("enter").hidden = true;
  $("main").hidden = $("forget").hidden = false;
  $("development").hidden = !license.development;
  $("state").textContent = license.state.replaceAll("_", " ");
  $("state").className = `badge ${GOOD.includes(license.state) ? "good" : WARN.includes(license.state) ? "warn" : "bad"}`;
  $("text").textContent = `${license.text[0].toUpperCase()}${license.text.slice(1)}.`;
  $("alone").hidden = !license.bound_by_site_key_alone;
  $("warnings").replaceChildren(...license.warnings.map((warning) => make("li", {}, `⚠ ${warning.text}`)));
  facts(license);
  volume(license);
  leases(license);
  await bars();
}

async function install(file) {
  $("installed").textContent = "";
  const license = await (await ask("PUT", "api/license", await file.text())).json();
  $("installed").textContent = `Installed. The license is ${license.state.replaceAll("_", " ")}.`;
  await show();
}

async function save(path, name) {
  const link = make("a", { href: URL.createObjectURL(await (await ask("GET", path)).blob()), download: name });
  link.click();
  URL.revokeObjectURL(link.href);
}

$("enter").onsubmit = doing(async () => {
  sessionStorage.setItem(KEY, $("token").value.trim());
  $("token").value = "";
  await show();
});
$("forget").onclick = leave;
$("by").onchange = doing(bars);
$("file").onchange = doing(async () => {
  const [file] = $("file").files;
  if (file) await install(file);
  $("file").value = "";
});
$("drop").ondragover = (event) => {
  event.preventDefault();
  $("drop").classList.add("over");
};
$("drop").ondragleave = () => $("drop").classList.remove("over");
$("drop").ondrop = doing(async (event) => {
  $("drop").classList.remove("over");
  const [file] = event.dataTransfer.files;
  if (file) await install(file);
});
$("download").onclick = doing(() => save("api/license/activation-request", "activation-request.json"));
$("report").onclick = doing(() => {
  const month = new Date().toISOString().slice(0, 7);
  return save(`api/usage/report?period=${month}`, `usage-${month}.txt`);
});
$("code").onclick = doing(async () => {
  URL.revokeObjectURL($("qr").src);
  $("qr").src = URL.createObjectURL(await (await ask("GET", "api/license/activation-request?format=svg")).blob());
  $("qr").hidden = false;
});

if (sessionStorage.getItem(KEY)) doing(show)();
else leave();
setInterval(() => document.hidden || $("main").hidden || show().catch(trouble), EVERY);
