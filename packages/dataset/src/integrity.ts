import type { HashAlgorithm } from "./plan.ts"

/** A checksum as authored; without `of` it is that of the output for a file, of the download for an archive. */
export interface Sum {
  readonly algorithm: HashAlgorithm
  readonly hex: string
  readonly of?: "download" | "output"
}

/** Hexadecimal digits of each algorithm's sum. */
const HEX_LENGTH: Readonly<Record<HashAlgorithm, number>> = { md5: 32, sha1: 40, sha256: 64, sha512: 128 }

/** An MD5 sum in hexadecimal. */
export const md5 = sum("md5")
/** A SHA-1 sum in hexadecimal. */
export const sha1 = sum("sha1")
/** A SHA-256 sum in hexadecimal. */
export const sha256 = sum("sha256")
/** A SHA-512 sum in hexadecimal. */
export const sha512 = sum("sha512")

function sum(algorithm: HashAlgorithm): (hex: string, of?: "download" | "output") => Sum {
  return (hex, of) => (of === undefined ? { algorithm, hex } : { algorithm, hex, of })
}

/** Why a sum can't be one, or undefined when it can. */
export function sumFault(value: Sum): string | undefined {
  const algorithm = (value as Partial<Sum> | null | undefined)?.algorithm
  const length = algorithm && (HEX_LENGTH[algorithm] as number | undefined)
  if (length === undefined) return "this is no sum: make one with md5, sha1, sha256 or sha512"
  if (typeof value.hex !== "string" || !/^[0-9a-f]*$/i.test(value.hex)) {
    return `${value.algorithm} ${JSON.stringify(value.hex)} is not hexadecimal`
  }
  if (value.hex.length !== length) {
    return `${value.algorithm} "${value.hex}" has ${value.hex.length} hexadecimal digits, not ${length}`
  }
  if (value.of !== undefined && value.of !== "download" && value.of !== "output") {
    return `a sum is of the "download" or of the "output", not of ${JSON.stringify(value.of)}`
  }
  return undefined
}
