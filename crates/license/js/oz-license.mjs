// Verifies licenses, leases and grants of Oz Appliance in a page, a worker or any runtime with WebCrypto's Ed25519. No
// dependencies, no build step, no requests. The contract is crates/license/test-vectors: this module, the Rust crate and
// the C library give the same word for each of them, and none of them accepts a text with one bit flipped.
//
// WebCrypto accepts signatures that the other two refuse (`verify_strict`): with R, or the key, of small order. Both are
// refused here before it is asked, and so are keys in a second spelling and keys that are no point. What is stricter here:
// a record written as an array, a word of a list written as {"word": null}, and a master key that is not plain SPKI are
// refused. Nobody but the signer can make those, and the signer's tools never do. What is looser: numbers above 2^53 are
// checked exactly but handed on rounded, and the nonce is compared without care for time: it is no secret to the one who
// made it.

import { LicenseError, ed25519FromHex, fromBase64, readMasterKey, refuse } from "./keys.mjs";

export { LicenseError };

const MAX_BYTES = 64 * 1024;
const PRODUCT = "oz-appliance";
const SECOND = 1_000_000_000n;
const DAY = 86_400n * SECOND;
const SKEW = 300n * SECOND;
const LONGEST = 3_600n * SECOND;
const U32 = 2 ** 32 - 1;
const U64 = 2n ** 64n - 1n;
// The last moment that the other implementations know.
const LAST_MOMENT = 253_402_207_200_999_999_999n;

/**
 * Reads a license file (string or Uint8Array) for the page `origin`, or for the app `appId`, with the customer's
 * `signature` over its id if it is a master license. `vendorKeys`: hex; `now`: a Date. Gives the claims and the state:
 * `active`, `renewal_due` or `grace`.
 */
export async function verifyLicense(text, { vendorKeys, now, origin, appId, signature }) {
  const { claims, masterKey } = await readLicense(text, vendorKeys);
  const at = nanoseconds(now);
  if (time(claims.issued_at) > at + SKEW) refuse("clock_behind");
  const state = stateOf(claims, at);
  if (state === "not_yet_valid" || state === "expired") refuse(state);
  if (origin !== undefined) {
    if (!coversPage(claims, origin)) refuse("not_covered");
  } else if (claims.kind === "master") {
    if (signature === undefined || !(await masterKey.signed(utf8(appId), signature))) refuse("unproven");
  } else if (!claims.apps?.android?.includes(appId) && !claims.apps?.ios?.includes(appId)) {
    refuse("not_covered");
  }
  return { claims, state };
}

/** Reads the lease of the node `instanceId`. Gives its claims and those of its license. */
export async function verifyLease(text, { vendorKeys, now, instanceId }) {
  const { claims, license } = await readOfSite("OZ LEASE", "oz-lease/v1\0", LEASE, text, vendorKeys);
  isWithin(claims, license, nanoseconds(now));
  // One of an app or a page licenses no node.
  if (license.kind !== "server" && license.kind !== "trial") refuse("exceeds");
  if (claims.instance_id !== instanceId) refuse("audience");
  return { claims, license };
}

/**
 * Reads the grant that a page (`platform: "web"`, `origin`) or an app (`android` or `ios`, `appId`) got for its `nonce`.
 * Gives its claims and those of its license.
 */
export async function verifyGrant(text, { vendorKeys, now, platform, origin, appId, nonce }) {
  const { claims, license } = await readOfSite("OZ GRANT", "oz-grant/v1\0", GRANT, text, vendorKeys);
  isWithin(claims, license, nanoseconds(now));
  const { audience } = claims;
  const isOurs = audience.platform === platform && (platform === "web" ? audience.origin === origin : audience.app_id === appId);
  if (!isOurs || claims.nonce !== nonce) refuse("audience");
  const listed = platform === "web" ? coversPage(license, origin) : license.apps?.[platform]?.includes(appId);
  if (!listed && (platform === "web" || license.kind !== "master")) refuse("exceeds");
  return { claims, license };
}

/** Gives what `work` gives; whatever goes wrong in it is `reason`. */
function or(reason, work) {
  try {
    return work();
  } catch {
    return refuse(reason);
  }
}

const utf8 = (text) => new TextEncoder().encode(text);
const textOf = (bytes) => new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);

/** JSON without a claim that stands twice, with whole numbers of 64 bits only, and no half characters. Throws for any other. */
function parse(text) {
  const value = JSON.parse(text);
  // JSON.parse keeps the last of two equal names, and rounds: so names are counted and numbers read in the text itself.
  const bare = text.replace(/"(?:[^"\\]|\\.)*"/gs, '""');
  const numbers = bare.match(/[-\d][-+.\deE]*/g) ?? [];
  const isWhole = (number) => /^(0|[1-9]\d*)$/.test(number) && BigInt(number) <= U64;
  if (names(value) !== bare.split(":").length - 1 || !numbers.every(isWhole)) throw new TypeError("not one meaning");
  return value;
}

function names(value) {
  if (typeof value === "string" && /\p{Surrogate}/u.test(value)) throw new TypeError("half a character");
  if (typeof value !== "object" || value === null) return 0;
  const own = Array.isArray(value) ? 0 : Object.keys(value).length;
  return Object.values(value).reduce((sum, inner) => sum + names(inner), own);
}

/** The envelope inside a text, which is byte for byte as signers write it. */
function open(title, text) {
  const bytes = typeof text === "string" ? utf8(text) : text;
  if (bytes.length > MAX_BYTES) refuse("too_long");
  const [begin, end] = [`-----BEGIN ${title}-----\n`, `-----END ${title}-----\n`];
  const body = or("armour", () => {
    const whole = textOf(bytes);
    if (!whole.startsWith(begin) || !whole.endsWith(end)) throw new TypeError("no armour");
    const base64 = whole.slice(begin.length, -end.length).replaceAll("\n", "");
    const inner = fromBase64(base64);
    const lines = base64.match(/.{1,64}/g) ?? [];
    if (begin + lines.map((line) => `${line}\n`).join("") + end !== whole) throw new TypeError("other lines");
    return inner;
  });
  const envelope = or("envelope", () => {
    const spelt = textOf(body);
    const { v, kid, payload, sig } = parse(spelt);
    const isSound = Number.isInteger(v) && v <= U32 && [kid, payload, sig].every((field) => typeof field === "string");
    if (!isSound || JSON.stringify({ v, kid, payload, sig }) !== spelt) throw new TypeError("another spelling");
    return { v, kid, payload, sig };
  });
  if (envelope.v !== 1) refuse("version");
  return envelope;
}

/** That `key` signed the envelope for a purpose; its name was compared before. */
async function isSigned(prefix, { payload, sig }, key) {
  const signature = or("envelope", () => fromBase64(sig));
  if (signature.length !== 64) refuse("envelope");
  if (!(await key.signed(utf8(prefix + payload), signature))) refuse("signature");
}

/** The payload of an envelope, well formed and with the claims of `shape`. */
function claimsOf({ payload }, shape) {
  const bytes = or("envelope", () => fromBase64(payload));
  const claims = or("claims", () => parse(textOf(bytes)));
  if (!shape(claims)) refuse("claims");
  return claims;
}

async function readLicense(text, vendorKeys) {
  const envelope = open("OZ LICENSE", text);
  const keys = await Promise.all(vendorKeys.map(ed25519FromHex));
  if (keys.includes(null)) throw new TypeError("vendorKeys: not Ed25519 public keys in hex");
  const key = keys.find(({ id }) => id === envelope.kid) ?? refuse("unknown_key");
  await isSigned("oz-license/v1\0", envelope, key);
  const claims = claimsOf(envelope, LICENSE);
  if (claims.product !== PRODUCT) refuse("product");
  const siteKey = claims.site_key == null ? null : ((await ed25519FromHex(claims.site_key)) ?? refuse("claims"));
  const { fingerprints = [], threshold = 2 } = claims.binding ?? {};
  if (!fingerprints.every((print) => PRINT.test(print))) refuse("claims");
  if (claims.binding != null && (threshold < 1 || threshold > fingerprints.length)) refuse("claims");
  const masterKey = claims.master_key == null ? null : ((await readMasterKey(claims.master_key)) ?? refuse("claims"));
  if ((claims.kind === "master") !== (masterKey !== null)) refuse("claims");
  return { claims, siteKey, masterKey };
}

async function readOfSite(title, prefix, shape, text, vendorKeys) {
  const envelope = open(title, text);
  // Not proved yet: only to find the license, whose site key must have signed it.
  const claims = claimsOf(envelope, shape);
  const { claims: license, siteKey } = await readLicense(claims.license, vendorKeys);
  if (siteKey?.id !== envelope.kid) refuse("site");
  await isSigned(prefix, envelope, siteKey);
  return { claims, license };
}

/** That features and times are inside the license's, and that it is the time. */
function isWithin(claims, license, now) {
  const [issued, expires, over] = [time(claims.issued_at), time(claims.expires_at), endOf(license)];
  const isInside =
    claims.features.every((feature) => license.features.includes(feature)) &&
    expires - issued <= LONGEST &&
    (over === null || expires <= over + graceOf(license)) &&
    (license.not_before == null || issued >= time(license.not_before));
  if (!isInside) refuse("exceeds");
  const latest = now + SKEW;
  if (time(license.issued_at) > latest || issued > latest || expires <= now) refuse("time");
}

function endOf({ expires_at, file_expires_at }) {
  const ends = [expires_at, file_expires_at].filter((end) => end != null).map(time);
  return ends.length === 0 ? null : ends.reduce((first, end) => (end < first ? end : first));
}

const graceOf = ({ grace_days = 3 }) => BigInt(grace_days) * DAY;

function stateOf(license, now) {
  if (license.not_before != null && now < time(license.not_before)) return "not_yet_valid";
  const end = endOf(license);
  if (end === null || end - now > 30n * DAY) return "active";
  if (end > now) return "renewal_due";
  return end + graceOf(license) > now ? "grace" : "expired";
}

// Only these 26 letters: toLowerCase alone makes a `k` of the Kelvin sign.
const lower = (text) => text.replace(/[A-Z]/g, (letter) => letter.toLowerCase());

function coversPage({ origins = [] }, origin) {
  return origins.map(lower).some((pattern) => {
    if (!pattern.startsWith("https://*.")) return pattern === lower(origin);
    const [, label, rest] = /^https:\/\/([a-z0-9-]+)\.(.*)$/s.exec(lower(origin)) ?? [];
    return label !== undefined && rest === pattern.slice("https://*.".length);
  });
}

const TIME = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{0,8}[1-9]))?Z$/;

/** RFC 3339 in UTC as nanoseconds since 1970; `null` for any other spelling. */
function time(text) {
  const [, seconds, fraction = ""] = TIME.exec(text) ?? [];
  const date = new Date(`${seconds}Z`);
  // A date that is none becomes another one, or no number.
  if (Number.isNaN(date.getTime()) || !date.toISOString().startsWith(seconds)) return null;
  const moment = nanoseconds(date) + BigInt(fraction.padEnd(9, "0"));
  return moment > LAST_MOMENT ? null : moment;
}

const nanoseconds = (date) => BigInt(date.getTime()) * 1_000_000n;

// Shapes of claims. A claim that is not listed is refused: one that restricts must not be overlooked.
const isText = (value) => typeof value === "string";
const isTime = (value) => isText(value) && time(value) !== null;
const whole = (most) => (value) => Number.isInteger(value) && value >= 0 && value <= most;
const word = (...words) => (value) => words.includes(value);
const list = (check) => (value) => Array.isArray(value) && value.every(check);
const optional = (check) => (value) => value === undefined || check(value);
const maybe = (check) => optional((value) => value === null || check(value));
const record = (fields) => (value) =>
  typeof value === "object" &&
  value !== null &&
  !Array.isArray(value) &&
  Object.keys(value).every((name) => Object.hasOwn(fields, name)) &&
  Object.entries(fields).every(([name, check]) => check(Object.hasOwn(value, name) ? value[name] : undefined));

const isCount = whole(Number(U64));
const FEATURES = list(word("quality", "biometry", "collection", "documents", "instant", "lite", "web", "on_device"));
const HEX = "[0-9A-Fa-f]";
const PRINT = new RegExp(`^(machine_id|product_uuid|board_serial|disk|network_card):${HEX}{32}:${HEX}{64}$`);

const LICENSE = record({
  license_id: isText,
  revision: whole(U32),
  kind: word("server", "sdk", "web", "master", "trial"),
  customer: record({ id: isText, name: isText }),
  product: isText,
  issued_at: isTime,
  not_before: maybe(isTime),
  expires_at: maybe(isTime),
  file_expires_at: maybe(isTime),
  grace_days: optional(whole(65_535)),
  features: FEATURES,
  limits: optional(
    record({
      analyses: maybe(record({ count: isCount, period: word("day", "month", "year", "total") })),
      instances: maybe(whole(U32)),
      persons: maybe(isCount),
      devices: maybe(isCount),
      overage_percent: optional(whole(255)),
    }),
  ),
  binding: maybe(record({ fingerprints: list(isText), threshold: optional(isCount) })),
  site_key: maybe(isText),
  apps: optional(record({ android: optional(list(isText)), ios: optional(list(isText)) })),
  origins: optional(list(isText)),
  master_key: maybe(isText),
  contact: maybe(isText),
  min_version: maybe(isText),
  max_version: maybe(isText),
});

const ofSite = { license: isText, features: FEATURES, issued_at: isTime, expires_at: isTime };
const LEASE = record({ ...ofSite, lease_id: isText, instance_id: isText, counter: isCount, block: isCount });
const isApp = record({ platform: word("android", "ios"), app_id: isText });
const isPage = record({ platform: word("web"), origin: isText });
const GRANT = record({ ...ofSite, audience: (value) => isApp(value) || isPage(value), nonce: isText });
