import type { Plugin } from "esbuild"
import { readFile } from "node:fs/promises"

const TABLES = /(?<=\nexport const cachedBreakLinesWithSpaces = )\{[^]*\};\nexport const supportedEols = .*/

/**
 * jsonc-parser makes 1200 strings as it is loaded, with which it lays out texts quicker: that takes 1.4 ms of each start, and hardly
 * one lays out a text. Where it knows no line end it makes each string when it needs it.
 */
export const jsoncPlugin: Plugin = {
  name: "jsonc-parser without its tables of line ends",
  setup({ onLoad }) {
    onLoad({ filter: /[/\\]jsonc-parser[/\\]lib[/\\]esm[/\\]impl[/\\]string-intern\.js$/ }, async ({ path }) => {
      const source = await readFile(path, "utf8")
      if (!TABLES.test(source)) throw new Error(`"${path}" makes its tables in a way that this build does not know`)
      return { contents: source.replace(TABLES, "{};\nexport const supportedEols = [];") }
    })
  },
}
