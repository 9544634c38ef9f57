/** Runs the dependency rule; a configuration that cruises nothing is a failure, not a pass. */
import { spawnSync } from "node:child_process"
import { fileURLToPath } from "node:url"

const LEAST_MODULES = 60

const program = new URL("../node_modules/dependency-cruiser/bin/dependency-cruise.mjs", import.meta.url)
const cruise = spawnSync(process.execPath, [fileURLToPath(program), "--output-type", "json", "packages"], {
  encoding: "utf8",
  maxBuffer: 256 * 1024 * 1024,
})
interface Report {
  summary: { totalCruised: number; violations: { from: string; to: string; rule: { name: string } }[] }
}
if (cruise.stdout === "") {
  console.error(cruise.stderr)
  process.exit(1)
}
const { summary } = JSON.parse(cruise.stdout) as Report
for (const { rule, from, to } of summary.violations) console.error(`${rule.name}: ${from} -> ${to}`)
console.log(`dependency rule: ${summary.totalCruised} modules, ${summary.violations.length} violations`)
if (summary.totalCruised < LEAST_MODULES) {
  console.error(
    `cruised ${summary.totalCruised} modules, at least ${LEAST_MODULES} were expected: is the configuration blind?`,
  )
  process.exit(1)
}
process.exit(summary.violations.length === 0 ? 0 : 1)
