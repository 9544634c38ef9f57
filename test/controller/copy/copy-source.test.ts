import { copyAddress, DatamaestroError, type CopiedDataset, type Params } from "@datamaestro/protocol"
import { expect } from "chai"
import { CopySource } from "../../../packages/controller/src/copy/copy-source.ts"
import { linkedSession } from "../../helpers/linked-session.ts"
import { rejection } from "../../helpers/rejection.ts"

const MIB = 1024 * 1024
const DATASET = "org.example.thing@mine"

describe("the machine that data is copied from", () => {
  const contents: Record<string, Buffer> = {
    "a b/small.txt": Buffer.from("small"),
    "large.bin": Buffer.alloc(2.5 * MIB, "0123456789"),
    empty: Buffer.alloc(0),
    last: Buffer.from("last"),
  }
  const description: CopiedDataset = {
    resources: {
      data: {
        entries: Object.keys(contents),
        files: Object.entries(contents).map(([path, { length: bytes }]) => ({ path, bytes, sha256: "" })),
        links: [],
        folders: [],
      },
    },
  }
  let asked: Params<"copies/read">[]
  const source = (failing?: () => void): CopySource => {
    asked = []
    const session = linkedSession({
      "copies/manifest": () => description,
      "copies/read": async (piece, { sendBytes }) => {
        asked.push(piece)
        failing?.()
        const all = Buffer.concat(piece.paths.map((path) => contents[path]!))
        await sendBytes(all.subarray(piece.offset, piece.offset + piece.length))
        return {}
      },
    })
    return new CopySource(session, [DATASET], new AbortController().signal)
  }
  const read = async (from: CopySource, paths: string[], offset = 0): Promise<Buffer | undefined> => {
    const body = await from.open(copyAddress(DATASET, paths), offset)
    if (body === undefined) return undefined
    const chunks: Buffer[] = []
    for await (const chunk of body) chunks.push(chunk)
    return Buffer.concat(chunks)
  }

  it("describes a dataset, and nothing that is not wanted", async () => {
    const from = source()
    expect(JSON.parse(String(await read(from, [])))).to.deep.equal(description)
    expect(await from.open(copyAddress("org.example.other@mine"), 0)).to.equal(undefined)
    expect(await from.open("https://example.org/", 0)).to.equal(undefined)
    for (const paths of [["../../etc/passwd"], ["last", "none"]]) expect(await read(from, paths)).to.equal(undefined)
  })

  it("reads files that follow each other, in pieces of a MiB, each with the files that it touches", async () => {
    const paths = Object.keys(contents)
    const all = Buffer.concat(Object.values(contents))
    expect((await read(source(), paths))?.equals(all)).to.equal(true)
    expect(asked.map(({ paths: of, offset, length }) => [of, offset, length])).to.deep.equal([
      [["a b/small.txt", "large.bin"], 0, MIB],
      [["large.bin"], MIB - 5, MIB],
      [["large.bin", "empty", "last"], 2 * MIB - 5, 0.5 * MIB + 9],
    ])
    expect((await read(source(), paths, 2 * MIB))?.equals(all.subarray(2 * MIB))).to.equal(true)
    expect((await read(source(), ["empty"]))?.length).to.equal(0)
  })

  it("tells why a piece is not to be had", async () => {
    const from = source(() => {
      throw new DatamaestroError("PERMISSION_DENIED", "Cannot read it")
    })
    expect(await rejection(read(from, ["last"]))).to.include({ code: "PERMISSION_DENIED", message: "Cannot read it" })
  })
})
