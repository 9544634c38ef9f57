/** What may name a folder in the settings' `datafolders`, and so be typed without quotes. */
const DATAFOLDER_KEY = /^[\p{L}\p{N}][\p{L}\p{N}_.-]*$/u

export const DATAFOLDER_KEY_RULE = "use letters, digits, and any of _ . - after the first"

export function isDatafolderKey(key: string): boolean {
  return DATAFOLDER_KEY.test(key)
}
