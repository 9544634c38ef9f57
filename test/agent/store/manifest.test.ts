import { execFile } from "node:child_process"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { promisify } from "node:util"
import { expect } from "chai"

const MANIFEST = new URL("../../../packages/agent/src/store/manifest.ts", import.meta.url).href
/** Of which a tree of the document with all its places takes 400, the document 60. */
const HEAP_MEBIBYTES = 200
const MANY = 100_000

describe("the manifest", () => {
  it("of very many files is read with little memory", async () => {
    const folder = mkdtempSync(join(tmpdir(), "datamaestro-test-"))
    try {
      const files = Array.from({ length: MANY }, (_, index) => ({
        path: `images/class00/${index}.jpg`,
        bytes: index,
        sha256: "0123456789abcdef".repeat(4),
      }))
      const record = { time: "2026-01-01T00:00:00Z", entries: ["images"], files }
      writeFileSync(join(folder, ".manifest.json"), JSON.stringify({ version: 1, resources: { images: record } }))
      const script = `const { Manifest } = await import(${JSON.stringify(MANIFEST)})
        const manifest = await Manifest.read(${JSON.stringify(folder)})
        console.log(manifest.record("images").files.length)`
      const options = [`--max-old-space-size=${HEAP_MEBIBYTES}`, "--conditions=@datamaestro/source", "--import=tsx"]
      const { stdout } = await promisify(execFile)(process.execPath, [...options, "--input-type=module", "-e", script])
      expect(stdout.trim()).to.equal(String(MANY))
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  }).timeout(60_000)
})
