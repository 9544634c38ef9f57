import type { FetchRequest } from "../pipeline-types.ts"

/** A file of more is downloaded in its turn: it takes its time, and is worth to be continued. In bytes. */
export const SMALL_BYTES = 1024 * 1024
/** So many small ones of a kind, one after the other, let the next ones be expected to be small. */
const ENOUGH = 8

/** Of each kind, how many came since the last one that was not small, or could not be had by one request. */
const inARow = new Map<string, number>()

/** Whether a file is one of many small ones: the last ones that had its server and ending were, and it is not declared to be large. */
export function expectSmall({ urls, size = 0 }: Pick<FetchRequest, "urls" | "size">): boolean {
  return size <= SMALL_BYTES && (inARow.get(kindOf(urls)) ?? 0) >= ENOUGH
}

/** @param bytes of it; `undefined`: it could not be had as the small ones are */
export function noteSize({ urls }: Pick<FetchRequest, "urls">, bytes: number | undefined): void {
  const kind = kindOf(urls)
  const small = bytes !== undefined && bytes <= SMALL_BYTES
  inARow.set(kind, small ? (inARow.get(kind) ?? 0) + 1 : 0)
}

function kindOf([url = ""]: readonly string[]): string {
  if (!URL.canParse(url)) return url
  const { host, pathname } = new URL(url)
  return `${host} ${/\.[^./]*$/.exec(pathname)?.[0] ?? ""}`
}
