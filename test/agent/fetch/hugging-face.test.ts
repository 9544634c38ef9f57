import { huggingFace } from "@datamaestro/dataset"
import { expect } from "chai"
import { mkdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { authorizationFor, withTokens } from "../../../packages/agent/src/fetch/credentials.ts"
import { fetchDownload } from "../../../packages/agent/src/fetch/fetch-download.ts"
import { withHubEndpoint } from "../../../packages/agent/src/fetch/hugging-face.ts"
import { sourcesOf } from "../../../packages/agent/src/fetch/sources.ts"
import { DownloadCache } from "../../../packages/agent/src/store/cache.ts"
import { temporaryFolder } from "../../fixtures/extraction.ts"
import { startOrigin } from "../../helpers/origin.ts"

const HUB = "https://huggingface.co/datasets/owner/name/resolve/main/a.txt"

describe("the Hugging Face Hub", () => {
  let home: ReturnType<typeof temporaryFolder>
  before(() => {
    home = temporaryFolder()
  })
  after(() => home.remove())

  const sent = async (to: string, environment: Record<string, string>, from = to): Promise<string | undefined> =>
    await authorizationFor(
      { url: new URL(to), origin: new URL(from), downgraded: false },
      { HOME: home.path, ...environment },
    )

  it("has a file's address by repository, revision and path", () => {
    expect(huggingFace("owner/name", "a.txt").urls).to.deep.equal([HUB])
    expect(huggingFace("owner/name", "a b/c#.txt", { type: "models", revision: "refs/pr/1" }).urls).to.deep.equal([
      "https://huggingface.co/owner/name/resolve/refs%2Fpr%2F1/a%20b/c%23.txt",
    ])
  })

  it("gets the person's token, from the environment or where the Hub's own tools keep it, and nobody else does", async () => {
    expect(await sent(HUB, { HF_TOKEN: "hf_a" })).to.equal("Bearer hf_a")
    expect(await sent(HUB, {})).to.equal(undefined)
    mkdirSync(join(home.path, ".cache/huggingface"), { recursive: true })
    writeFileSync(join(home.path, ".cache/huggingface/token"), "hf_file\n")
    expect(await sent(HUB, {})).to.equal("Bearer hf_file")
    writeFileSync(join(home.path, "other"), "hf_other")
    expect(await sent(HUB, { HF_TOKEN_PATH: join(home.path, "other") })).to.equal("Bearer hf_other")
    expect(await sent(HUB, { HF_HOME: home.path })).to.equal(undefined)
    for (const elsewhere of ["https://cdn-lfs.huggingface.co/x", "https://example.org/x", "http://huggingface.co/x"]) {
      expect(await sent(elsewhere, { HF_TOKEN: "hf_a" }, HUB), elsewhere).to.equal(undefined)
    }
    const mirror = { HF_TOKEN: "hf_a", HF_ENDPOINT: "http://mirror.example.org" }
    expect(await sent("http://mirror.example.org/x", mirror)).to.equal(undefined)
  })

  it("has its token of the environment taken before the settings', and that of a file after them", async () => {
    const of = (environment: Record<string, string>) =>
      sent(HUB, { ...withTokens(environment, { "huggingface.co": "settings" }) } as Record<string, string>)
    expect(await of({ HF_TOKEN: "hf_a" })).to.equal("Bearer hf_a")
    expect(await of({ HUGGING_FACE_HUB_TOKEN: "hf_old" })).to.equal("Bearer hf_old")
    expect(await of({ HF_TOKEN: "hf_a", DATAMAESTRO_TOKEN_HUGGINGFACE_CO: "own" })).to.equal("Bearer own")
    writeFileSync(join(home.path, "token-file"), "hf_file")
    expect(await of({ HF_TOKEN: "", HF_TOKEN_PATH: join(home.path, "token-file") })).to.equal("Bearer settings")
  })

  it("is where HF_ENDPOINT says, and else where the settings say", () => {
    const sources = (environment: Record<string, string>, mirrors = {}) =>
      sourcesOf([HUB], withHubEndpoint(mirrors, environment))
    expect(sources({})).to.deep.equal([HUB])
    expect(sources({ HF_ENDPOINT: "https://hf-mirror.com/" })[0]).to.match(/^https:\/\/hf-mirror\.com\/datasets\/owner/)
    expect(sources({ HF_ENDPOINT: "nonsense" })).to.deep.equal([HUB])
    const own = { "https://huggingface.co/": "https://mine.example.org/" }
    expect(sources({}, own)[0]).to.match(/^https:\/\/mine/)
    const both = sources({ HF_ENDPOINT: "https://hf-mirror.com" }, own)
    expect(both.map((url) => new URL(url).hostname)).to.deep.equal([
      "hf-mirror.com",
      "mine.example.org",
      "huggingface.co",
    ])
  })

  it("serves a private file by endpoint and token", async () => {
    const origin = await startOrigin()
    origin.route("/datasets/owner/name/resolve/main/a.txt", { body: "private", authorization: "Bearer hf_a" })
    try {
      const download = await fetchDownload(
        { urls: [HUB], integrity: [], size: undefined },
        {
          cache: new DownloadCache(join(home.path, "cache")),
          dataset: "org.x",
          resource: "a",
          signal: new AbortController().signal,
          progress: () => {},
          environment: { HOME: home.path, HF_TOKEN: "hf_a", HF_ENDPOINT: origin.url },
        },
      )
      expect(download.bytes).to.equal(7)
      await download.release({ remove: true })
    } finally {
      await origin.close()
    }
  })
})
