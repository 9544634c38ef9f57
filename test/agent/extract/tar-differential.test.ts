import { expect } from "chai"
import { Parser } from "tar/parse"
import { readTar } from "../../../packages/agent/src/extract/read-tar.ts"
import type { TarVisitor } from "../../../packages/agent/src/extract/tar-members.ts"
import { tarArchive, type TarMember } from "../../fixtures/tar-archive.ts"

const BLOCK = 512
const SUM = { start: 148, end: 156 }
const SIZE = { start: 124, end: 136 }
const TYPE = 156

const LONG = `${"d/".repeat(70)}long`
const MEMBERS: readonly TarMember[] = [
  { name: "a/", type: "5" },
  { name: "a/one", content: "one" },
  { name: "././@LongLink", type: "L", content: `${LONG}\0` },
  { name: "short", content: "long" },
  { name: "PaxHeader", type: "x", content: "14 path=a/pax\n" },
  { name: "y", content: "pax" },
  { name: "link", type: "2", linkname: "a/one" },
  { name: "hard", type: "1", linkname: "a/one" },
  { name: "last", content: "z".repeat(600) },
]

/** What a reader makes of an archive: a line a member, or nothing where it refuses it. */
type Read = string[] | undefined

const pathOf = (name: string): string =>
  name
    .split("/")
    .filter((part) => part !== "" && part !== ".")
    .join("/")

async function ours(bytes: Buffer): Promise<Read> {
  const read: string[] = []
  const visitor: TarVisitor = {
    file({ name, mtime }) {
      let text = ""
      return {
        write: (chunk) => (text += Buffer.from(chunk).toString("latin1")),
        end: () => read.push(`file ${pathOf(name)} ${mtime?.getTime()} ${text}`),
        discard: () => {},
      }
    },
    directory: ({ name }) => read.push(`folder ${pathOf(name)}`),
    symlink: ({ name }, target) => read.push(`symlink ${pathOf(name)} ${target}`),
    hardlink: ({ name }, target) => read.push(`link ${pathOf(name)} ${target.join("/")}`),
  }
  const source = (async function* () {
    yield await Promise.resolve(bytes)
  })()
  const options = { archive: "x.tar", whole: false, signal: new AbortController().signal }
  return await readTar(source, visitor, options).then(
    () => read,
    () => undefined,
  )
}

function npms(bytes: Buffer): Read {
  const read: string[] = []
  let refused = false
  const parser = new Parser({
    strict: true,
    onReadEntry(entry) {
      const { path, linkpath = "", mtime } = entry
      const name = pathOf(path)
      if (entry.type === "Directory" || entry.type === "GNUDumpDir") read.push(`folder ${name}`)
      else if (entry.type === "SymbolicLink") read.push(`symlink ${name} ${linkpath}`)
      else if (entry.type === "Link") read.push(`link ${name} ${pathOf(linkpath)}`)
      else if (/^(Old|Contiguous)?File$/.test(entry.type)) {
        let text = ""
        entry.on("data", (chunk: Buffer) => (text += chunk.toString("latin1")))
        return void entry.on("end", () => read.push(`file ${name} ${mtime?.getTime()} ${text}`))
      } else refused = true
      entry.resume()
    },
  })
  parser.on("ignoredEntry", () => (refused = true))
  parser.on("error", () => (refused = true))
  parser.write(bytes)
  parser.end()
  return refused ? undefined : read
}

/** Makes the header's sum right again. */
function sumUp(archive: Buffer, header: number): void {
  archive.fill(" ", header + SUM.start, header + SUM.end)
  const sum = archive.subarray(header, header + BLOCK).reduce((total, byte) => total + byte, 0)
  archive.write(`${sum.toString(8).padStart(6, "0")}\0 `, header + SUM.start, "latin1")
}

/**
 * Where the two are meant to differ: npm's takes content for what has none, goes on behind an extended header that is damaged, and
 * loses what is not UTF-8.
 */
function mayDiffer(type: string, byte: number, changed: number): boolean {
  const isName = byte < 100 || (byte > TYPE && byte < 257) || byte >= 345
  if (isName && changed > 0x7f) return true
  if (byte >= SIZE.start && byte < SIZE.end) return "125Lx".includes(type)
  return byte === TYPE && "125".includes(type)
}

describe("our reader of tars beside npm's", function () {
  this.timeout(60_000)

  it("reads the same of headers in which a bit is another one", async () => {
    const archive = tarArchive(MEMBERS)
    const expected = await ours(archive)
    expect(expected).to.have.length(7).and.to.deep.equal(npms(archive))
    let accepted = 0
    const headers: number[] = []
    for (let at = 0; at < archive.length; at += BLOCK)
      if (archive.toString("latin1", at + 257, at + 262) === "ustar") headers.push(at)
    expect(headers).to.have.length(MEMBERS.length)
    for (const header of headers)
      for (let byte = 0; byte < BLOCK; byte++)
        for (const bit of [1, 8, 128]) {
          const type = archive.toString("latin1", header + TYPE, header + TYPE + 1)
          const changed = Buffer.from(archive)
          changed[header + byte]! ^= bit
          if (byte < SUM.start || byte >= SUM.end) sumUp(changed, header)
          if (mayDiffer(type, byte, changed[header + byte]!)) continue
          const [one, other] = [await ours(changed), npms(changed)]
          // That a file's header names a target is no reason to refuse it.
          if (one !== undefined && other === undefined && byte > TYPE && byte < 257) continue
          expect(one, `of "${type}" at ${header}, byte ${byte} ^ ${bit}`).to.deep.equal(other)
          if (one !== undefined) accepted++
        }
    expect(accepted).to.be.above(9000)
  })
})
