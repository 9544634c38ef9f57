import { spawnSync } from "node:child_process"
import { fileURLToPath } from "node:url"
import { expect } from "chai"

const source = fileURLToPath(new URL("../../packages/outgoing/src/baseline-module.ts", import.meta.url))

/** `f(n)` counts down in a loop. */
const COUNTDOWN = "0061736d010000000106016001 7f017f030201000705010166 00000a1201100003402000 41016b22000d000b20000b"

/** Prints what became of a module, made this way, whose function was busy for long, and of code that was cached before. */
function run(made: string): { result: number; baseline: boolean; cacheRejected: boolean } {
  const program = `
    import { baselineModule } from ${JSON.stringify(source)}
    import { setFlagsFromString } from "node:v8"
    import { Script } from "node:vm"
    const code = "function a() { return 1 }\\na()"
    const cachedData = new Script(code).createCachedData()
    const bytes = Buffer.from(${JSON.stringify(COUNTDOWN.replaceAll(" ", ""))}, "hex")
    const { f } = new WebAssembly.Instance(${made}).exports
    const { cachedDataRejected: cacheRejected } = new Script(code, { cachedData, filename: "not the one that V8 remembers" })
    let result = 0
    for (let turn = 0; turn < 20; turn++) result += f(1_000_000)
    await new Promise((resolve) => setTimeout(resolve, 300))
    f(1)
    setFlagsFromString("--allow-natives-syntax")
    const baseline = new Function("f", "return %IsLiftoffFunction(f)")(f)
    console.log(JSON.stringify({ result, baseline, cacheRejected }))`
  const options = ["--import", "tsx", "--conditions=@datamaestro/source", "--input-type=module", "-e", program]
  const { stdout, stderr } = spawnSync(process.execPath, options, {
    encoding: "utf8",
    env: { PATH: process.env["PATH"] },
  })
  expect(stderr).to.equal("")
  return JSON.parse(stdout)
}

describe("a module that is compiled once", () => {
  it("stays as it was made, however busy, and works; another one does not stay so", () => {
    expect(run("baselineModule(bytes)")).to.deep.include({ result: 0, baseline: true })
    expect(run("new WebAssembly.Module(bytes)")).to.deep.include({ result: 0, baseline: false })
  })

  it("leaves V8's flags as they were, so that code cached before is taken", () => {
    expect(run("baselineModule(bytes)").cacheRejected).to.equal(false)
  })
})
