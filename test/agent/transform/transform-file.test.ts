import { createHash, randomBytes } from "node:crypto"
import { existsSync, readFileSync, statSync } from "node:fs"
import { join } from "node:path"
import { gzipSync } from "node:zlib"
import { expect } from "chai"
import { FollowedFile } from "../../../packages/agent/src/follow/followed-file.ts"
import type { StepContext } from "../../../packages/agent/src/pipeline-types.ts"
import { linkFile } from "../../../packages/agent/src/store/link-file.ts"
import {
  transformFollowed,
  type TransformedFile,
  type TransformRequest,
} from "../../../packages/agent/src/transform/transform-file.ts"
import { failure, stepContext, temporaryFolder } from "../../fixtures/extraction.ts"
import { writeFiles } from "../../fixtures/preparation.ts"

describe("transformFollowed", () => {
  let home: ReturnType<typeof temporaryFolder>
  beforeEach(() => (home = temporaryFolder()))
  afterEach(() => home.remove())

  const hex = (algorithm: string, bytes: string | Buffer): string => createHash(algorithm).update(bytes).digest("hex")
  const request = (content: string | Buffer, given: Partial<TransformRequest> = {}): TransformRequest => {
    writeFiles(home.path, { in: content })
    return {
      name: "in.gz",
      transforms: [],
      output: join(home.path, "out"),
      algorithms: ["sha256" as const],
      apart: true,
      busy: false,
      ...given,
    }
  }
  const transformFile = async (asked: TransformRequest, context: StepContext): Promise<TransformedFile> => {
    const path = join(home.path, "in")
    const file = new FollowedFile()
    file.end([{ path, bytes: statSync(path).size }])
    return await transformFollowed(asked, file, context)
  }

  it("gives an untransformed file a second name instead of a copy", async () => {
    writeFiles(home.path, { in: "plain" })
    await linkFile(join(home.path, "in"), join(home.path, "out"))
    expect(statSync(join(home.path, "out")).ino).to.equal(statSync(join(home.path, "in")).ino)
  })

  it("hashes what it writes", async () => {
    const written = await transformFile(request("plain", { algorithms: ["sha256", "md5"] }), stepContext())
    expect(written.digests).to.deep.equal({ sha256: hex("sha256", "plain"), md5: hex("md5", "plain") })
    expect(readFileSync(join(home.path, "out"), "utf8")).to.equal("plain")
  })

  it("gunzips larger than memory chunks, all members, with progress", async () => {
    const text = Buffer.alloc(5_000_000, "some text of no great variety ")
    const packed = Buffer.concat([gzipSync(text), gzipSync("tail")])
    const context = stepContext()
    const written = await transformFile(request(packed, { transforms: [{ kind: "gunzip" }] }), context)
    expect(written.bytes).to.equal(text.length + 4)
    expect(written.digests.sha256).to.equal(hex("sha256", Buffer.concat([text, Buffer.from("tail")])))
    expect(context.events[0]).to.include({ phase: "transform", total: packed.length })
  })

  for (const [what, size] of [
    ["in a thread", 5_000_000],
    ["as it is, being small", 100],
    ["of nothing", 0],
  ] as const)
    // prettier-ignore
    it(`has all sums where this thread is busy, gunzipping ${what}`, async () => {
      // Nothing that gzip could shorten: what is small is gunzipped here.
      const plain = randomBytes(size)
      const asked = { transforms: [{ kind: "gunzip" }], algorithms: ["sha256", "md5"], busy: true } as const
      const written = await transformFile(request(gzipSync(plain), asked), stepContext())
      expect(written).to.deep.equal({
        bytes: plain.length,
        digests: { sha256: hex("sha256", plain), md5: hex("md5", plain) },
      })
    })

  it("leaves no output of damaged input, nor when interrupted", async () => {
    const packed = gzipSync(Buffer.alloc(100_000, "text"))
    for (const [content, code] of [
      [packed.subarray(0, 100), "TRUNCATED"],
      [Buffer.concat([packed.subarray(0, 60), Buffer.from("xx"), packed.subarray(62)]), "CORRUPT"],
      ["no gzip at all", "CORRUPT"],
      ["", "TRUNCATED"],
    ] as const) {
      const error = await failure(transformFile(request(content, { transforms: [{ kind: "gunzip" }] }), stepContext()))
      expect([error.code, error.exitStatus]).to.deep.equal([code, 5])
      expect(error.message).to.contain('"in.gz"')
      expect(existsSync(join(home.path, "out"))).to.equal(false)
    }
    const aborted = AbortSignal.abort()
    const error = await failure(
      transformFile(request(packed, { transforms: [{ kind: "gunzip" }] }), stepContext(aborted)),
    )
    expect(error.code).to.equal("INTERRUPTED")
    expect(existsSync(join(home.path, "out"))).to.equal(false)
  })
})
