/**
 * Prints the size and the load time of what travels to a data machine, and fails when a size is over its budget.
 * The budget is here, and nowhere else.
 */
import { spawnSync } from "node:child_process"
import { readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { gzipSync } from "node:zlib"

/**
 * Bytes: of the file as it is, and as it travels (gzip). The first part is what each call waits for on a machine that has
 * no agent yet; the rest comes behind it. 20 kB of that are decompressors for bzip2, xz and zstd: they travel along since a
 * later upload would cost a round trip, and a data machine without those programs needs them at once.
 */
const BUDGET = {
  "agent.cjs": { raw: 150_000, gzip: 50_000 },
  "agent-rest.cjs": { raw: 800_000, gzip: 270_000 },
  "bootstrap.cjs": { raw: 8_000, gzip: 3_550 },
} as const

const RUNS = 11

let failed = false
for (const [name, budget] of Object.entries(BUDGET)) {
  const path = fileURLToPath(new URL(`../packages/controller/dist/${name}`, import.meta.url))
  const bytes = readFileSync(path)
  const gzip = gzipSync(bytes, { level: 9 }).length
  const over = bytes.length > budget.raw || gzip > budget.gzip
  failed ||= over
  console.log(
    `${name}: ${bytes.length} bytes (budget ${budget.raw}), gzip ${gzip} (budget ${budget.gzip})${over ? "  OVER BUDGET" : ""}`,
  )
}

const agent = fileURLToPath(new URL("../packages/controller/dist/agent.cjs", import.meta.url))
const load = `const {Script}=require("vm"),{readFileSync}=require("fs");const f=${JSON.stringify(agent)};const t=performance.now();const m={exports:{}};new Script(require("module").wrap(readFileSync(f,"utf8")),{filename:f}).runInThisContext()(m.exports,require,m,f,require("path").dirname(f));console.log(performance.now()-t)`
const times = Array.from({ length: RUNS }, () =>
  Number(spawnSync(process.execPath, ["-e", load], { encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] }).stdout),
).sort((a, b) => a - b)
console.log(`agent.cjs: loads in ${times[Math.floor(RUNS / 2)]?.toFixed(1)} ms without code cache (median of ${RUNS})`)
process.exit(failed ? 1 : 0)
