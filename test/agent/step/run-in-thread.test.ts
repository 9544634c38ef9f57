import { existsSync } from "node:fs"
import { readFile, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { expect } from "chai"
import type { ProgressEvent } from "@datamaestro/protocol"
import { RepositoryIndex } from "../../../packages/agent/src/repositories/repository-index.ts"
import { resolveDataset } from "../../../packages/agent/src/resolve/resolve-dataset.ts"
import { runInThread } from "../../../packages/agent/src/step/run-in-thread.ts"
import { provideThreadSource, startThread } from "../../../packages/agent/src/threads/thread-source.ts"
import { provideBundledThreads } from "../../fixtures/agent-threads.ts"
import { PluginPackages } from "../../helpers/plugin-packages.ts"

/** Says which processes it and a program that it starts are; neither heeds SIGTERM. */
const STUBBORN = `
trap '' TERM
echo $$ >> "$1"
if [ "$2" = child ]; then echo started; else sh "$0" "$1" child & fi
sleep 60; :
`
const BEGUN_PROGRAM = `
const program = [output + ".sh", output + ".processes"]
const begun = spawn("sh", program)
await new Promise((resolve) => begun.stdout.once("data", resolve))`

/** The bodies of steps, each a dataset's. */
const STEPS = {
  writes: `fs.writeFileSync(output, JSON.stringify([word, fs.readFileSync(input.words, "utf8"), process.pid])); progress(0.5, "half"); progress(2)`,
  prints: `console.error("50 words\\nso far"); process.stdout.write("done"); throw new RangeError("no more")`,
  fills: `throw Object.assign(new Error("full"), { code: "ENOSPC" })`,
  floods: `for (let line = 0; line < 20_000; line++) console.log(line); for (let at = 0; at < 1e5; at++) progress(at / 1e5)`,
  pours: `for (let line = 0; line < 20_000; line++) console.log(line + "x".repeat(99)); throw new Error("no more")`,
  reads: `await Promise.all(Array.from({ length: 40 }, () => fs.createReadStream(input.words, { signal }).toArray())); fs.writeFileSync(output, "")`,
  "throws.text": `throw "just text"`,
  "throws.object": `throw { status: 500 }`,
  leaves: `setTimeout(() => process.exit(3)); await new Promise(() => {})`,
  kills: `process.kill(process.pid)`,
  aborts: `process.abort()`,
  asks: `process.kill(process.pid, 0); throw new Error("it is there")`,
  "lets.fall": `Promise.reject(new Error("nobody caught it")); await new Promise(() => {})`,
  listens: `console.log("begun"); await new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason))).finally(() => console.log("cleaned up"))`,
  deaf: `console.log("begun"); await new Promise(() => {})`,
  endless: `console.log("begun"); for (;;);`,
  waits: `console.log("begun"); execFileSync("sleep", ["3"])`,
  "program.left": `${BEGUN_PROGRAM}; fs.writeFileSync(output, "")`,
  "program.cancelled": `${BEGUN_PROGRAM}; console.log("begun"); await new Promise(() => {})`,
  "program.orphaned": `const begun = spawn("sh", ["-c", 'setsid sh "$0" "$1" &', output + ".sh", output + ".processes"]); await new Promise((resolve) => begun.stdout.once("data", resolve)); fs.writeFileSync(output, "")`,
  "program.submitted": `const env = { ...process.env, SLURM_JOB_ID: "17" }; const submitted = execFileSync("sh", ["-c", "setsid sleep 60 >/dev/null 2>&1 & echo $!"], { env }); const allocated = spawn("sleep", ["60"], { env, detached: true, stdio: "ignore" }); fs.writeFileSync(output, submitted + " " + allocated.pid)`,
  "program.waited": `${BEGUN_PROGRAM}; console.log("begun"); spawnSync("sh", program)`,
}

describe("runInThread", function () {
  this.timeout(20_000)
  let plugins: PluginPackages
  let index: RepositoryIndex

  before(async () => {
    plugins = await PluginPackages.create()
    const datasets = Object.entries(STEPS).map(([name, body]) => [
      `org.x.${name}`,
      `defineDataset({
        id: "org.x.${name}",
        axes: { word: axis(["hello", "bye"]) },
        resources: ({ word }) => ({
          words: file("https://x.org/words"),
          theStep: step({ from: ["words"], name: "made", async run({ input, output, signal, progress }) { ${body} } }),
        }),
        describe: ({ theStep }) => textFile(theStep),
      })`,
    ])
    const imports = `import fs from "node:fs"; import { execFileSync, spawn, spawnSync } from "node:child_process"`
    index = new RepositoryIndex([await plugins.addDatasets("own", Object.fromEntries(datasets) as never, imports)])
    await provideBundledThreads()
  })
  after(async () => {
    provideThreadSource(undefined)
    await plugins[Symbol.asyncDispose]()
  })

  const failure = (ended: Promise<void>): Promise<unknown> =>
    ended.then(
      () => undefined,
      (error: unknown) => error,
    )
  const run = (name: keyof typeof STEPS) => {
    const abort = new AbortController()
    const events: ProgressEvent[] = []
    const lines: string[] = []
    const output = join(plugins.root, "output")
    const begin = async (): Promise<void> => {
      const { source, definition, selection } = await resolveDataset(`org.x.${name}[word=bye]`, index)
      const worker = startThread("step")
      if (source === undefined || worker === undefined) throw new Error("there is no such thread")
      const named = { source, definition: definition.id, selection, dataset: "org.x", resource: "the_step" }
      const input = { words: join(plugins.root, "own/package.json") }
      await runInThread(
        worker,
        { ...named, input, output },
        {
          signal: abort.signal,
          progress: (event) => events.push(event),
          onLine(line) {
            lines.push(line)
            if (line === "begun") abort.abort()
          },
        },
      )
    }
    return { events, lines, output, ended: begin() }
  }

  it("runs the step of the variant, in this process, and tells its progress", async () => {
    const { ended, events, output } = run("writes")
    await ended
    const words = await readFile(join(plugins.root, "own/package.json"), "utf8")
    expect(JSON.parse(await readFile(output, "utf8"))).to.deep.equal(["bye", words, process.pid])
    const told = { phase: "step", dataset: "org.x", resource: "the_step" }
    expect(events).to.deep.equal([
      { ...told, fraction: 0.5, message: "half" },
      { ...told, fraction: 1 },
    ])
  })

  it("hands over what is printed, before a failure too, and the failure as it was thrown", async () => {
    const { ended, lines } = run("prints")
    const error = await failure(ended)
    expect(error).to.be.an("Error").with.property("message", "no more")
    expect((error as Error).stack).to.match(/^RangeError: no more\n.*d1\.js/s)
    expect(lines).to.have.members(["50 words", "so far", "done"])
    expect(await failure(run("fills").ended)).to.include({ message: "full", code: "ENOSPC" })
    expect(((await failure(run("throws.text").ended)) as Error).message).to.equal("just text")
    expect(((await failure(run("throws.object").ended)) as Error).message).to.equal("{ status: 500 }")
  })

  it("loses no line of many, and tells no more of its progress than anybody can see", async () => {
    const { ended, lines, events } = run("floods")
    await ended
    expect(lines).to.deep.equal(Array.from({ length: 20_000 }, (_, line) => String(line)))
    expect(events.length).to.be.within(2, 100)
    expect(events.at(-1)).to.have.property("fraction", 0.99999)
  })

  it("hands over the first and the last of very many lines, before a failure too: they would fill a journal", async () => {
    const { ended, lines } = run("pours")
    expect(await failure(ended)).to.have.property("message", "no more")
    expect(lines).to.have.length.within(9_000, 11_000)
    expect(lines.at(-21)).to.match(/^\(\d{4,5} lines of 1\.\d MB left out: /)
    expect(lines.at(-1)).to.equal(`19999${"x".repeat(99)}`)
  })

  it("is not warned of many files that are read at once with its signal", async () => {
    const { ended, lines } = run("reads")
    await ended
    expect(lines).to.deep.equal([])
  })

  it("fails where the code would have ended the process", async () => {
    expect(await failure(run("leaves").ended)).to.have.property("message", "it called process.exit(3)")
    expect(await failure(run("lets.fall").ended)).to.have.property("message", "nobody caught it")
    expect(await failure(run("kills").ended)).to.have.property("message", `it called process.kill(${process.pid})`)
    expect(await failure(run("aborts").ended)).to.have.property("message", "it called process.abort()")
    expect(await failure(run("asks").ended)).to.have.property("message", "it is there")
  })

  it("lets a cancelled step clean up", async () => {
    const { ended, lines } = run("listens")
    expect(await failure(ended)).to.have.property("code", "INTERRUPTED")
    expect(lines).to.deep.equal(["begun", "cleaned up"])
  })

  for (const name of ["deaf", "endless", "waits"] as const) {
    it(`ends a cancelled step that does not listen: ${STEPS[name].slice(24)}`, async () => {
      expect(await failure(run(name).ended)).to.have.property("code", "INTERRUPTED")
    })
  }

  for (const name of ["program.left", "program.orphaned", "program.cancelled", "program.waited"] as const) {
    it(`ends the programs of a step with it, though they heed no SIGTERM: ${name}`, async function () {
      if (!existsSync("/proc/self/environ")) this.skip()
      const output = join(plugins.root, "output")
      await writeFile(`${output}.sh`, STUBBORN)
      await writeFile(`${output}.processes`, "")
      await failure(run(name).ended)
      const processes = (await readFile(`${output}.processes`, "utf8")).trim().split("\n")
      expect(processes).to.have.length.of.at.least(2)
      // What has ended and whose parent never asks has no command line.
      const left = processes.map((pid) => readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => ""))
      expect(await Promise.all(left)).to.deep.equal(processes.map(() => ""))
    })
  }

  it("leaves a job to Slurm that a step has submitted, and that runs on this machine", async function () {
    if (!existsSync("/proc/self/environ")) this.skip()
    await run("program.submitted").ended
    const [submitted, allocated] = (await readFile(join(plugins.root, "output"), "utf8")).trim().split(/\s+/)
    expect(await readFile(`/proc/${submitted}/cmdline`, "utf8")).to.match(/^sleep\b/)
    process.kill(Number(submitted), "SIGKILL")
    // What runs in an allocation is a program of the step, as that of salloc.
    expect(await readFile(`/proc/${allocated}/cmdline`, "utf8").catch(() => "")).to.equal("")
  })
})
