// Keys of licenses, over WebCrypto: Ed25519 as strict as `verify_strict` of the Rust crate, and RSA of master licenses.

/** Why a text is refused: `reason` is one of the words of the test vectors, or `unsupported`. */
export class LicenseError extends Error {
  constructor(reason) {
    super(`license: ${reason}`);
    this.name = "LicenseError";
    this.reason = reason;
  }
}

export function refuse(reason) {
  throw new LicenseError(reason);
}

const toHex = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
const toBase64 = (bytes) => btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));

/** Base64 in its one spelling: padded, no blanks, no stray bits. Throws for any other. */
export function fromBase64(text) {
  const bytes = Uint8Array.from(atob(text), (char) => char.charCodeAt(0));
  if (toBase64(bytes) !== text) throw new TypeError("not canonical");
  return bytes;
}

const P = 2n ** 255n - 19n;
const D = 37095705934669439343138083508754565189542113879843219016388785533085940283555n;
const Y_OF_ORDER_8 = 2707385501144840649318225287225658788936804267575313519463743609750303402022n;
const SMALL_ORDER = [0n, 1n, P - 1n, Y_OF_ORDER_8, P - Y_OF_ORDER_8];

/** The y of a point as RFC 8032, section 5.1.2, writes it. */
const yOf = (bytes) => BigInt(`0x${toHex(bytes.toReversed())}`) & (2n ** 255n - 1n);

function power(base, exponent) {
  let [result, square] = [1n, base % P];
  for (let rest = exponent; rest > 0n; rest >>= 1n) {
    if (rest & 1n) result = (result * square) % P;
    square = (square * square) % P;
  }
  return result;
}

/** A point of the curve in its one spelling, and none of the few for which anybody can sign. */
function isSoundPoint(bytes) {
  const y = yOf(bytes);
  if (y >= P || SMALL_ORDER.includes(y)) return false;
  // x² = (y² - 1) / (d y² + 1) has a root.
  return power((y * y - 1n) * (D * y * y + 1n), (P - 1n) / 2n) === 1n;
}

async function ed25519(raw) {
  if (!isSoundPoint(raw)) return null;
  let key;
  try {
    key = await crypto.subtle.importKey("raw", raw, "Ed25519", false, ["verify"]);
  } catch {
    // An older browser, or a page that did not come over https.
    return refuse("unsupported");
  }
  const id = toHex(new Uint8Array(await crypto.subtle.digest("SHA-256", raw)).subarray(0, 8));
  const signed = async (message, signature) =>
    signature.length === 64 &&
    !SMALL_ORDER.includes(yOf(signature.subarray(0, 32))) &&
    crypto.subtle.verify("Ed25519", key, signature, message);
  return { id, signed };
}

/** A public key in hex: its short name `id`, and `signed(message, signature)`; `null` if it is none. */
export async function ed25519FromHex(text) {
  if (!/^[0-9A-Fa-f]{64}$/.test(text)) return null;
  return ed25519(Uint8Array.from(text.match(/../g), (byte) => Number.parseInt(byte, 16)));
}

/** The customer's key of a master license: SPKI in base64, Ed25519 or RSA. */
export async function readMasterKey(text) {
  let der;
  try {
    der = fromBase64(text);
  } catch {
    return null;
  }
  if (der.length === 44 && toHex(der.subarray(0, 12)) === "302a300506032b6570032100") return ed25519(der.subarray(12));
  const rsa = { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" };
  const key = await crypto.subtle.importKey("spki", der, rsa, false, ["verify"]).catch(() => null);
  if (key === null) return null;
  const { modulusLength } = key.algorithm;
  const isStrong = modulusLength >= 2048 && modulusLength <= 8192;
  return { signed: async (message, signature) => isStrong && crypto.subtle.verify(rsa, key, signature, message) };
}
