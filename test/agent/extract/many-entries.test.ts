import { execFile } from "node:child_process"
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import { expect } from "chai"
import { tarArchive } from "../../fixtures/tar-archive.ts"
import { zipArchive } from "../../fixtures/zip-archive.ts"

const WORKER = fileURLToPath(new URL("live-memory.ts", import.meta.url))
const FEW = 8_000
const MANY = 32_000
/** For a name of 33 characters, size, sum, and what finds it again; of a zip's also where it lies. */
const MOST_BYTES = { tar: 190, zip: 260 }

describe("archives of very many members", () => {
  let folder: string
  beforeEach(() => {
    // In memory where that is possible: a disk remembers for minutes that so many files were removed.
    folder = mkdtempSync(join(existsSync("/dev/shm") ? "/dev/shm" : tmpdir(), "datamaestro-test-"))
  })
  afterEach(() => rmSync(folder, { recursive: true, force: true }))

  const membersOf = (count: number) =>
    Array.from({ length: count }, (_, index) => ({
      name: `images/class${String(index % 20).padStart(2, "0")}/${String(index).padStart(14, "0")}.jpg`,
      content: "x",
    }))

  const memoryOf = async (kind: "tar" | "zip", count: number): Promise<number> => {
    const archive = join(folder, `${count}`)
    writeFileSync(archive, kind === "tar" ? tarArchive(membersOf(count)) : zipArchive(membersOf(count)))
    const args = [
      "--expose-gc",
      "--conditions=@datamaestro/source",
      "--import=tsx",
      WORKER,
      kind,
      archive,
      `${archive}.out`,
    ]
    const { stdout } = await promisify(execFile)(process.execPath, args)
    const { files, most } = JSON.parse(stdout) as { files: number; most: number }
    expect(files).to.equal(count)
    return most
  }

  for (const kind of ["tar", "zip"] as const) {
    it(`of a ${kind} keep little of each in memory`, async () => {
      const few = await memoryOf(kind, FEW)
      const many = await memoryOf(kind, MANY)
      expect((many - few) / (MANY - FEW)).to.be.below(MOST_BYTES[kind])
    }).timeout(60_000)
  }
})
