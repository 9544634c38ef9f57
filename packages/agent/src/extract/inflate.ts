import { compileFunction } from "node:vm"
import * as zlib from "node:zlib"
import { INFLATE_SOURCE } from "./inflate-source.ts"

type Inflate = (packed: Uint8Array, size: number) => Buffer

let inflater: Inflate | undefined

/**
 * What a deflated body (RFC 1951) holds: one byte more than `size` at most, so that a longer content is noticed and nothing larger is ever held.
 * Valid until the next call.
 *
 * @throws zlib's errors, as `Z_DATA_ERROR` and, at a cut, `Z_BUF_ERROR`
 */
export function inflate(packed: Uint8Array, size: number): Buffer {
  inflater ??= (compileFunction(INFLATE_SOURCE, ["zlib"]) as (library: typeof zlib) => Inflate)(zlib)
  return inflater(packed, size)
}
