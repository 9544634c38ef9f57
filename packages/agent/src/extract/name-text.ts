import { isUtf8 } from "node:buffer"

// eslint-disable-next-line no-control-regex
const NOT_ASCII = /[^\u0000-\u007f]/

/** What windows-1252 has for 0x80 to 0x9f, where ISO 8859-1 has control characters; above it they are the same. */
const WINDOWS_1252 = "€\u0081‚ƒ„…†‡ˆ‰Š‹Œ\u008dŽ\u008f\u0090‘’“”•–—˜™š›œ\u009dž\u009fŸ"

/** Where a character of two bytes ends in that of a backslash: U+FF3C, a backslash that separates nothing on any system. */
const HALF = "＼"
// eslint-disable-next-line no-control-regex
const TWO_BYTES = /([\u0081-\u00fe])([\u0040-\u00fe])/g

/**
 * Bytes that are not UTF-8, a character each, with `HALF` for a backslash that is the second byte of a character in Shift JIS,
 * GBK or Big5. No other second byte is one of a path's separators.
 */
export function withoutHalfBackslashes(bytes: string): string {
  return bytes.replace(TWO_BYTES, (pair, first: string, second: string) => (second === "\\" ? first + HALF : pair))
}

/** The text of such bytes, that of all others by `decode`. */
export function decodedAround(bytes: string, decode: (bytes: string) => string): string {
  return withoutHalfBackslashes(bytes).split(HALF).map(decode).join(HALF)
}

export function isAscii(bytes: string): boolean {
  return !NOT_ASCII.test(bytes)
}

/**
 * A member's name in a tar, which tells no encoding: UTF-8, else, part by part of the path, windows-1252. No byte is lost, so
 * that two names become one only where one of both is UTF-8.
 *
 * @param bytes of the name, a character each
 * @returns with `bytes` where not all of it is UTF-8
 */
export function nameText(bytes: string): { text: string; bytes?: string } {
  if (isAscii(bytes)) return { text: bytes }
  const whole = Buffer.from(bytes, "latin1")
  if (isUtf8(whole)) return { text: whole.toString("utf8") }
  return { text: bytes.split("/").map(partText).join("/"), bytes }
}

function partText(bytes: string): string {
  const part = Buffer.from(bytes, "latin1")
  if (isUtf8(part)) return part.toString("utf8")
  return withoutHalfBackslashes(bytes).replace(
    /[\u0080-\u009f]/g,
    (byte) => WINDOWS_1252[byte.charCodeAt(0) - 0x80] ?? byte,
  )
}
