/**
 * `npm run bench -- [--rounds N] [--only NAME]… [--small] [--markdown]`: every comparison, printed as ratios of one run
 * on this machine.
 */
import { cpus } from "node:os"
import { parseArgs } from "node:util"
import { benchConnection } from "./connection.ts"
import { benchCopy } from "./copy.ts"
import { markdownTable } from "./markdown.ts"
import { benchRelay } from "./relay.ts"
import { benchStart } from "./start.ts"
import { benchPipeline, PIPELINE_ROWS } from "./pipeline.ts"

const { values } = parseArgs({
  options: {
    /** How often each contender runs; default 15 for connections, 5 for downloads. */
    rounds: { type: "string" },
    /** Only these rows. */
    only: { type: "string", multiple: true },
    /** Sizes / 16, for a quick look; start-up weighs more, so the ratios are worse. */
    small: { type: "boolean", default: false },
    /** Prints the table of docs/performance.md at the end. */
    markdown: { type: "boolean", default: false },
  },
})
const names = ["start", "connection", "relay", "copy", ...PIPELINE_ROWS]
const wanted = values.only ?? names
const unknown = wanted.filter((name) => !names.includes(name))
const rounds = values.rounds === undefined ? undefined : Number(values.rounds)
if (unknown.length > 0 || (rounds !== undefined && !(Number.isInteger(rounds) && rounds > 0))) {
  console.error(`usage: npm run bench -- [--rounds N] [--only NAME]… [--small] [--markdown]\nnames: ${names.join(" ")}`)
  process.exit(2)
}

console.log(`Node ${process.version}, ${cpus().length} × ${cpus()[0]?.model ?? "?"}`)
if (wanted.includes("start")) await benchStart(rounds ?? 15)
if (wanted.includes("connection")) await benchConnection(rounds ?? 15)
if (wanted.includes("relay")) await benchRelay(rounds ?? 5, values.small ? 16 : 1)
if (wanted.includes("copy")) await benchCopy(rounds ?? 5, values.small ? 16 : 1)
const results = await benchPipeline({ rounds: rounds ?? 5, rows: wanted, scale: values.small ? 16 : 1 })
if (values.markdown) console.log(`\n${markdownTable(results)}`)
