/**
 * What may name a folder in the settings' `datafolders`, and so be typed without quotes. Two names are none: valibot leaves them
 * out of what it reads, so that such a folder would be set, and never be there.
 */
const DATAFOLDER_KEY = /^(?!(?:constructor|prototype)$)[\p{L}\p{N}][\p{L}\p{N}_.-]*$/u

export const DATAFOLDER_KEY_RULE =
  "use letters, digits, and any of _ . - after the first; constructor and prototype are taken"

/** @param key a text; in an author's JavaScript anything */
export function isDatafolderKey(key: unknown): boolean {
  return typeof key === "string" && DATAFOLDER_KEY.test(key)
}
