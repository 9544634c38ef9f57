import { setFlagsFromString } from "node:v8"

/** Node's types leave it to those of browsers. */
declare const WebAssembly: { Module: new (bytes: Uint8Array) => object }

/** V8's default of `--wasm-tiering-budget`, by Node's major version; where it is not known, nothing is done. */
const DEFAULT_BUDGET: Readonly<Record<number, number>> = { 20: 1_800_000, 22: 13_000_000, 24: 13_000_000 }
const NEVER = 2_000_000_000

/**
 * A module whose code V8 makes once, quickly, and not again: for undici's HTTP parser, of which the second, better code takes
 * 0.1 s of a processor, more than all the headers of a day's downloads are worth.
 *
 * The module takes its budget with it; the flag is then what it was, since with another value V8 refuses all cached code.
 */
export function baselineModule(bytes: Uint8Array): object {
  const budget = DEFAULT_BUDGET[Number.parseInt(process.versions.node, 10)]
  if (budget === undefined) return new WebAssembly.Module(bytes)
  setFlagsFromString(`--wasm-tiering-budget=${NEVER}`)
  try {
    return new WebAssembly.Module(bytes)
  } finally {
    setFlagsFromString(`--wasm-tiering-budget=${budget}`)
  }
}
