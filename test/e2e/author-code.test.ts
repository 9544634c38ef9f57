import { expect } from "chai"
import { join } from "node:path"
import { isAlive, until } from "../helpers/job-lab.ts"
import { privateEnvironment } from "../helpers/private-environment.ts"
import { rejection } from "../helpers/rejection.ts"
import { writeRepositoryPackage } from "../helpers/repository-package.ts"
import { openLocalSession, type RecordedSession } from "../helpers/ssh-session.ts"

describe("what an author's code does in the agent", function () {
  this.timeout(30_000)
  let environment: Awaited<ReturnType<typeof privateEnvironment>>
  let session: RecordedSession
  beforeEach(async () => (environment = await privateEnvironment()))
  afterEach(async () => {
    delete process.env["DATAMAESTRO_REPOSITORY_PATH"]
    await session.close()
    await environment.restore()
  })

  const open = async (files: Record<string, string>): Promise<void> => {
    process.env["DATAMAESTRO_REPOSITORY_PATH"] = await writeRepositoryPackage(environment.path, { id: "wild", files })
    session = await openLocalSession({ data: join(environment.path, "data") })
    await session.declareRepositories()
  }
  const info = () => session.agent.request("datasets/info", { id: "org.example.wild@wild" })
  const thing = (describe: string, before = ""): string => `
    import { defineDataset, file, textFile } from "@datamaestro/dataset"
    ${before}
    export const thing = defineDataset({
      id: "org.example.wild",
      description: "wild",
      resources: { text: file("http://127.0.0.1:9/thing.txt", { name: "thing.txt" }) },
      describe: ({ text }) => { ${describe}; return { text: textFile(text) } },
    })`

  const datasetsGetter = (body: string): string => `
    import { Repository } from "@datamaestro/dataset"
    export class MyRepository extends Repository {
      static NAMESPACE = "wild"
      static get datasets() { ${body} }
    }`
  const failures: [string, Record<string, string>, string, RegExp][] = [
    [
      "process.exit in a repository's module",
      { "lib/index.js": "process.exit(3)" },
      "BROKEN_REPOSITORY",
      /^Cannot load repository "wild": its module can't be loaded: it called process.exit\(3\)$/,
    ],
    [
      "process.exit later, while that module is waited for",
      { "lib/index.js": "setTimeout(() => process.exit(3)); await new Promise(() => {})" },
      "BROKEN_REPOSITORY",
      /^Cannot load repository "wild": its module can't be loaded: it called process.exit\(3\)$/,
    ],
    [
      "process.exit in a getter of its class",
      { "lib/index.js": datasetsGetter("process.exit(3)") },
      "BROKEN_REPOSITORY",
      /^Cannot load repository "wild": its class can't be read: it called process.exit\(3\)$/,
    ],
    [
      "process.abort in a getter of its datasets",
      { "lib/index.js": datasetsGetter("return { get 'org.example.wild'() { process.abort() } }") },
      "BROKEN_REPOSITORY",
      /^Cannot load repository "wild": its class can't be read: it called process.abort\(\)$/,
    ],
    [
      "process.kill of itself in a repository's module",
      { "lib/index.js": "process.kill(process.pid, 'SIGKILL')" },
      "BROKEN_REPOSITORY",
      /^Cannot load repository "wild": its module can't be loaded: it called process.kill\(\d+, "SIGKILL"\)$/,
    ],
    [
      "process.kill of its process group in a dataset's module",
      { "lib/thing.js": "process.kill(0)" },
      "BROKEN_DEFINITION",
      /^Cannot use dataset "org.example.wild" of repository "wild": it called process.kill\(0\)$/,
    ],
    [
      "process.exit in a dataset's module",
      { "lib/thing.js": "process.exit()" },
      "BROKEN_DEFINITION",
      /^Cannot use dataset "org.example.wild" of repository "wild": it called process.exit\(\)$/,
    ],
    [
      "process.exit in describe",
      { "lib/thing.js": thing("process.exit(0)") },
      "BROKEN_DEFINITION",
      /^Cannot use dataset "org.example.wild" of repository "wild": describe: it called process.exit\(0\)$/,
    ],
    [
      "an error in a CommonJS module, whose promise Node 20 leaves unhandled",
      { "node_modules/wise-words/saying.cjs": "throw new Error('not wise')" },
      "BROKEN_DEFINITION",
      /^Cannot use dataset "org.example.wild" of repository "wild": not wise$/,
    ],
  ]
  const unread: [string, Record<string, string>, string, RegExp][] = [
    [
      "of a repository",
      { "lib/index.js": "\nexport class {" },
      "BROKEN_REPOSITORY",
      /^Cannot load repository "wild": its module can't be loaded: lib\/index\.js:2: Unexpected token '{'$/,
    ],
    [
      "that a dataset's module imports",
      {
        "lib/thing.js": `import { text } from "./text/texts.js"`,
        "lib/text/texts.js": "export const text = {\n  a: 1\n  b: 2\n}",
        "lib/text/another.js": "export const b = {\n  a: 1\n  c: 2\n}",
      },
      "BROKEN_DEFINITION",
      /^Cannot use dataset "org.example.wild" of repository "wild": lib\/text\/texts\.js:3: Unexpected identifier 'b'$/,
    ],
    [
      "that lacks what another one imports",
      { "lib/thing.js": `\nimport { text } from "./texts.js"`, "lib/texts.js": "" },
      "BROKEN_DEFINITION",
      /^Cannot use dataset .* "wild": lib\/thing\.js:2: The requested module '\.\/texts\.js' does not provide an export/,
    ],
    [
      "in CommonJS",
      { "node_modules/wise-words/saying.cjs": "'wise'\nfunction (" },
      "BROKEN_DEFINITION",
      /^Cannot use dataset .* "wild": node_modules\/wise-words\/saying\.cjs:2: Function statements require/,
    ],
    [
      "and not where it is JSON that does not parse",
      { "lib/thing.js": `JSON.parse("{")`, "lib/other.js": `JSON.parse("{"` },
      "BROKEN_DEFINITION",
      /^Cannot use dataset .* "wild": Expected property name or '}' in JSON/,
    ],
  ]
  for (const [what, files, code, message] of unread) {
    it(`is told by file and line where a module does not parse: one ${what}`, async () => {
      await open(files)
      const error = (await rejection(info())) as Error
      expect(error).to.have.property("code", code)
      expect(error.message).to.match(message)
    })
  }

  for (const [what, files, code, message] of failures) {
    it(`is told by its name, and ends nothing: ${what}`, async () => {
      await open(files)
      const error = (await rejection(info())) as Error
      expect(error).to.have.property("code", code)
      expect(error.message).to.match(message)
      expect(await session.agent.request("datafolders/list", {})).to.deep.equal({ datafolders: {} })
    })
  }

  const leftBehind: [string, string, string][] = [
    ["a rejection of its module", "", 'void Promise.reject(new Error("wild one"))'],
    ["an error in a timer of its module", "", 'setTimeout(() => { throw new Error("wild one") })'],
    ["a rejection of describe", 'void Promise.reject(new Error("wild one"))', ""],
    ["a rejection with what is no error", 'setTimeout(() => void Promise.reject("wild one"), 200)', ""],
  ]
  for (const [what, describe, before] of leftBehind) {
    it(`is told as that of its package where nobody handles it: ${what}`, async () => {
      await open({ "lib/thing.js": thing(describe, before) })
      expect(await info()).to.include({ description: "wild" })
      const notice = {
        phase: "notice",
        level: "warning",
        message: 'The code of the package "repository-wild" left an error unhandled: wild one',
      }
      await until(() => JSON.stringify(session.events).includes("wild one"))
      expect(session.events).to.deep.include(notice)
      expect(await session.agent.request("datafolders/list", {})).to.deep.equal({ datafolders: {} })
    })
  }

  it("is told while it holds up the agent, which ends once nobody is there who waits for it", async function () {
    if (process.platform === "win32") this.skip()
    this.timeout(60_000)
    await open({ "lib/thing.js": thing("for (;;);") })
    const failed = rejection(info())
    await until(() => JSON.stringify(session.events).includes("Still waiting"))
    expect(session.events).to.deep.include({
      phase: "notice",
      level: "warning",
      message:
        'Still waiting for dataset "org.example.wild" of the package "repository-wild": its code has not come to its end',
    })
    const { pid } = session.initialized
    await session.close()
    expect(await failed).to.have.property("code", "CONNECTION_LOST")
    await until(() => !isAlive(pid))
  })

  it("is told as its own, while code of other packages has run and runs", async () => {
    await open({ "lib/thing.js": thing("", 'setTimeout(() => { throw new Error("wild one") })') })
    await session.agent.request("datasets/info", { id: "com.lecun.mnist@image" })
    const [, found] = await Promise.all([info(), session.agent.request("datasets/search", { terms: ["tag:image"] })])
    await until(() => JSON.stringify(session.events).includes("wild one"))
    expect(found.hits).to.not.be.empty
    expect(JSON.stringify(session.events)).to.include('of the package \\"repository-wild\\" left an error unhandled')
  })

  it("is told by its dataset where it takes the agent with it", async () => {
    await open({
      "lib/thing.js": `
        import { defineDataset, step, textFile } from "@datamaestro/dataset"
        import { execFileSync } from "node:child_process"
        const run = () => execFileSync("kill", ["-9", String(process.pid)])
        export const thing = defineDataset({
          id: "org.example.wild",
          resources: { theText: step({ from: [], name: "text.txt", run }) },
          describe: ({ theText }) => textFile(theText),
        })`,
    })
    const request = { id: "org.example.wild", encoder: "normal", download: true } as const
    const error = (await rejection(session.agent.request("datasets/prepare", request))) as Error
    expect(error).to.have.property("code", "AGENT_DIED")
    expect(error)
      .to.have.property("hint")
      .that.match(/^it was making "the_text" of "org.example.wild", by code of the dataset's author; run the same/)
  })
})
