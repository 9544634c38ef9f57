/** Downloading, verifying and extracting, against what an expert would type and against Python's way. */
import { mkdirSync, mkdtempSync, readdirSync, realpathSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Fixtures } from "./fixtures.ts"
import { measure, printRatios, type Contender, type Measured } from "./measure.ts"
import { findNginx, startOrigin } from "./origin.ts"
import { Ours } from "./pipeline-ours.ts"
import { findPython } from "./pipeline-others.ts"
import { retire } from "./pipeline-retire.ts"
import { datasetsOf, ROWS, type Bench, type Row } from "./pipeline-rows.ts"
import { compileSlowStorage } from "./slow-storage.ts"

export interface PipelineOptions {
  rounds: number
  /** Names of the rows wanted. */
  rows: readonly string[]
  /** Divides the sizes of the fixtures. */
  scale: number
}

export interface RowResult {
  title: string
  results: Measured[]
}

export const PIPELINE_ROWS: readonly string[] = ROWS.map((row) => row.name)

/** Measures the rows in turn, prints each, and gives the results. Everything it made is removed. */
export async function benchPipeline({ rounds, rows, scale }: PipelineOptions): Promise<RowResult[]> {
  const wanted = ROWS.filter((row) => rows.includes(row.name))
  if (wanted.length === 0) return []
  const nginx = findNginx()
  if (nginx === undefined) {
    console.log("\ndownloads: skipped, no nginx")
    return []
  }
  const folder = realpathSync(mkdtempSync(join(tmpdir(), "datamaestro-bench-")))
  const root = join(folder, "origin")
  mkdirSync(root)
  mkdirSync(join(folder, "run"))
  const origin = await startOrigin(nginx, root, join(folder, "nginx"))
  const interrupted = (): void => {
    void origin.stop()
    rmSync(folder, { recursive: true, force: true })
    process.exit(130)
  }
  process.once("SIGINT", interrupted).once("SIGTERM", interrupted)
  try {
    console.log("\nmaking the fixtures")
    const fixtures = new Fixtures(root, scale)
    const names = [...new Set(wanted.flatMap((row) => row.fixtures))]
    const made = await Promise.all(names.map((name) => fixtures.get(name)))
    const environment = commonEnvironment()
    const bench: Bench = {
      folder,
      root,
      origin,
      fixtures,
      environment,
      ours: new Ours(folder, datasetsOf(made, origin), environment),
      python: findPython(),
      slowStorage: compileSlowStorage(folder),
    }
    if (bench.python === undefined) console.log("Python's way: skipped, no python3")
    const results: RowResult[] = []
    for (const row of wanted) {
      const result = await measureRow(row, bench, row.long === true ? Math.ceil(rounds / 3) : rounds, scale)
      if (result !== undefined) results.push(result)
    }
    return results
  } finally {
    process.off("SIGINT", interrupted).off("SIGTERM", interrupted)
    await origin.stop()
    rmSync(folder, { recursive: true, force: true })
  }
}

async function measureRow(row: Row, bench: Bench, rounds: number, scale: number): Promise<RowResult | undefined> {
  const title = scale === 1 || row.fixtures.length === 0 ? row.title : `${row.title}; sizes / ${scale}`
  const contenders = await contendersOf(row, bench)
  if ("reason" in contenders) {
    console.log(`\n${title}: skipped, ${contenders.reason}`)
    return undefined
  }
  try {
    const results = await measure(contenders, rounds)
    printRatios(title, results)
    return { title, results }
  } catch (error) {
    // The other rows are worth having; the exit status tells.
    process.exitCode = 1
    console.log(`\n${title}: failed, ${error instanceof Error ? error.message : String(error)}`)
    return undefined
  } finally {
    // Not removed before the end: see there.
    for (const name of readdirSync(join(bench.folder, "run")))
      if (name !== "retired") retire(join(bench.folder, "run", name))
  }
}

async function contendersOf(row: Row, bench: Bench): Promise<Contender[] | { reason: string }> {
  try {
    return await row.contenders(bench)
  } catch (error) {
    process.exitCode = 1
    return { reason: error instanceof Error ? error.message : String(error) }
  }
}

/** `NODE_EXTRA_CA_CERTS` costs every start of Node 20 some 80 ms, a proxy has no place on loopback: nobody gets them. */
function commonEnvironment(): NodeJS.ProcessEnv {
  return Object.fromEntries(
    Object.entries(process.env).filter(
      ([name]) => name !== "NODE_EXTRA_CA_CERTS" && !/proxy$/i.test(name) && !/^(DATAMAESTRO|npm)_/i.test(name),
    ),
  )
}
