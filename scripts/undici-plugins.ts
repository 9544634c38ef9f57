/** What the agent's bundle has of undici, and how. */
import type { Plugin } from "esbuild"
import { readFile } from "node:fs/promises"
import { fileURLToPath } from "node:url"

/**
 * The agent uses what sends requests. What browsers have besides (fetch, WebSocket, cookies, their cache) is a quarter of the
 * agent's bytes; and it looks at Node's own classes of that kind, for which Node would start its own undici: 11 ms. What
 * stands in for servers in tests, interceptors and caches of answers are a tenth more: whoever comes to need one takes it out here.
 */
const withoutUnused: Plugin = {
  name: "undici without what the agent doesn't use",
  setup({ onLoad }) {
    onLoad({ filter: /[/\\]undici[/\\]lib[/\\](web|mock|interceptor|cache)[/\\]/ }, () => ({
      contents: "module.exports = { CacheStorage: class {} }",
    }))
  },
}

const PARSER = "new WebAssembly.Module(require('../llhttp/llhttp_simd-wasm.js'))"
/** The one that runs on every processor: what SIMD instructions save of a download's headers is not worth a second parser's 70 kB. */
const PLAIN_PARSER = "(require('../llhttp/llhttp-wasm.js'))"
const BASELINE_MODULE = fileURLToPath(new URL("../packages/outgoing/src/baseline-module.ts", import.meta.url))

const withBaselineParser: Plugin = {
  name: "undici with one parser, as a baseline module",
  setup({ onLoad }) {
    onLoad({ filter: /[/\\]undici[/\\]lib[/\\]dispatcher[/\\]client-h1\.js$/ }, async ({ path }) => {
      const source = await readFile(path, "utf8")
      if (!source.includes(PARSER)) throw new Error(`"${path}" makes its parser in a way that this build does not know`)
      const baseline = `require(${JSON.stringify(BASELINE_MODULE)}).baselineModule`
      return { contents: source.replace(PARSER, baseline + PLAIN_PARSER) }
    })
  },
}

export const undiciPlugins: readonly Plugin[] = [withoutUnused, withBaselineParser]
