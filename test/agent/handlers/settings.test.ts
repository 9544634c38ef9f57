import { AgentClient, AgentServer, linkedPorts, type ProgressEvent } from "@datamaestro/protocol"
import { expect } from "chai"
import { execFileSync } from "node:child_process"
import { chmod, lstat, mkdir, readFile, readdir, rm, stat, symlink, writeFile } from "node:fs/promises"
import { homedir } from "node:os"
import { join } from "node:path"
import { AgentSession } from "../../../packages/agent/src/agent-session.ts"
import { createHandlers } from "../../../packages/agent/src/handlers/create-handlers.ts"
import { rejection } from "../../helpers/rejection.ts"
import { temporaryFolder } from "../../helpers/ssh-client-files.ts"

describe("the settings' handlers", () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>
  let data: string
  const clients: AgentClient[] = []

  beforeEach(async () => {
    folder = await temporaryFolder()
    data = join(folder.path, "data")
  })

  afterEach(async () => {
    for (const client of clients.splice(0)) client.close()
    await folder.remove()
  })

  const connect = async (): Promise<AgentClient> => {
    const [ours, theirs] = linkedPorts()
    new AgentServer(theirs, createHandlers(new AgentSession({ loginShell: false }), "0.0.0"))
    const client = new AgentClient(ours)
    clients.push(client)
    await client.request("initialize", { protocol: 1, controller: "test", data, environment: "inherit" })
    return client
  }
  const settings = (): string => join(data, "settings.json")

  it("answer nothing before initialize, and initialize only in the same protocol", async () => {
    const [ours, theirs] = linkedPorts()
    new AgentServer(theirs, createHandlers(new AgentSession({ loginShell: false }), "0.0.0"))
    const client = new AgentClient(ours)
    clients.push(client)
    expect(await rejection(client.request("datafolders/list", {}))).to.have.property("code", "PROTOCOL_MISMATCH")
    const params = { protocol: 99, controller: "9.9.9", data, environment: "inherit" } as const
    expect(await rejection(client.request("initialize", params))).to.include({
      code: "PROTOCOL_MISMATCH",
      exitStatus: 9,
    })
  })

  it("take no ~name for a folder, be it of the data directory, a data folder or the shared cache", async () => {
    const [ours, theirs] = linkedPorts()
    new AgentServer(theirs, createHandlers(new AgentSession({ loginShell: false }), "0.0.0"))
    const client = new AgentClient(ours)
    clients.push(client)
    const params = { protocol: 1, controller: "test", environment: "inherit" } as const
    await mkdir(data)
    await writeFile(settings(), '{"cache": {"shared": "~other/x"}}')
    for (const refused of [
      () => client.request("initialize", { ...params, data: "~other/x" }),
      () => client.request("initialize", { ...params, dataSetting: "~other/x" }),
      async () => (await connect()).request("datafolders/set", { key: "a", path: "~other/x" }),
      async () => (await connect()).request("cache/list", {}),
    ]) {
      const error = await rejection(refused())
      expect(error).to.include({ code: "USAGE", exitStatus: 2 })
      expect(error).to.have.property("message").that.contains('"~other" is not expanded')
    }
    await (await connect()).request("datafolders/set", { key: "a", path: "./~other/x" })
  })

  it("make the data directory only when there is something to write", async () => {
    const client = await connect()
    expect(await client.request("settings/get", {})).to.deep.equal({})
    expect(await rejection(client.request("datafolders/remove", { key: "none" }))).to.have.property(
      "code",
      "DATAFOLDER_MISSING",
    )
    expect(await readdir(folder.path)).to.deep.equal([])
    await client.request("datafolders/set", { key: "large", path: folder.path })
    expect(await client.request("datafolders/list", {})).to.deep.equal({ datafolders: { large: folder.path } })
    expect(await readdir(data)).to.deep.equal(["settings.json"])
  })

  it("keep what they don't know, and how the file is laid out", async () => {
    await mkdir(data)
    const text = `{\n  "theirs": { "n": 12345678901234567890, "list": [1,   2] },\n  "datafolders": { "a": "/a" }\n}\n`
    await writeFile(settings(), text)
    await chmod(settings(), 0o640)
    const client = await connect()
    await client.request("datafolders/set", { key: "b", path: "/b" })
    await client.request("datafolders/remove", { key: "b" })
    const after = await readFile(settings(), "utf8")
    expect(after).to.include(`"theirs": { "n": 12345678901234567890, "list": [1,   2] }`)
    expect(JSON.parse(after)).to.have.deep.property("datafolders", { a: "/a" })
  })

  it("keep the file's mode whatever the umask, so that who may read them can go on", async () => {
    await mkdir(data)
    await writeFile(settings(), "{}")
    await chmod(settings(), 0o664)
    const umask = process.umask(0o077)
    try {
      await (await connect()).request("datafolders/set", { key: "a", path: "/a" })
    } finally {
      process.umask(umask)
    }
    expect((await stat(settings())).mode & 0o777).to.equal(0o664)
  })

  it("lose no change of many made at once, by several agents", async () => {
    const agents = await Promise.all([connect(), connect(), connect()])
    const keys = Array.from({ length: 24 }, (_, index) => `key${index}`)
    await Promise.all(
      keys.map((key, index) => agents[index % 3]?.request("datafolders/set", { key, path: `/data/${key}` })),
    )
    const { datafolders } = (await agents[0]?.request("datafolders/list", {})) ?? {}
    expect(datafolders).to.have.all.keys(keys)
  })

  it("name file, line and column of a malformed file, and leave it as it is", async () => {
    await mkdir(data)
    const broken = `{\n  "datafolders": { "a": "/a" },,\n}`
    await writeFile(settings(), broken)
    const client = await connect()
    for (const request of [
      () => client.request("datafolders/list", {}),
      () => client.request("datafolders/set", { key: "b", path: "/b" }),
      () => client.request("settings/get", {}),
    ]) {
      const error = await rejection(request())
      expect(error).to.include({ code: "MALFORMED_SETTINGS", exitStatus: 6 })
      expect(error.details).to.include({ path: settings(), line: 2 })
    }
    expect(await readFile(settings(), "utf8")).to.equal(broken)
  })

  it("tell a list where an object is wanted, and a text that is not UTF-8, rather than lose either at a write", async () => {
    await mkdir(data)
    const client = await connect()
    for (const [broken, place, reason] of [
      [Buffer.from('{\n "datafolders": []}'), { line: 2, column: 17 }, "datafolders: must be an object, not a list"],
      [
        Buffer.from('{"datafolders": {"a": {}}}'),
        { line: 1, column: 23 },
        "datafolders.a: Invalid type: Expected string but received Object",
      ],
      [
        Buffer.from('{\n "mirrors": ["https://a/"]}'),
        { line: 2, column: 13 },
        "mirrors: must be an object, not a list",
      ],
      [
        Buffer.from('{\n "cache": {"limit": "lots"}}'),
        { line: 2, column: 21 },
        'cache.limit: a number of bytes, or a size like "50 GB", is wanted',
      ],
      [
        Buffer.from('{\n "cache": {"limit": true}}'),
        { line: 2, column: 21 },
        'cache.limit: a number of bytes, or a size like "50 GB", is wanted',
      ],
      [Buffer.from('{\n "theirs": "caf\u00e9"}', "latin1"), { line: 2, column: 16 }, "it is not UTF-8"],
    ] as const) {
      await writeFile(settings(), broken)
      for (const error of [
        await rejection(client.request("datafolders/list", {})),
        await rejection(client.request("datafolders/set", { key: "b", path: "/b" })),
      ]) {
        expect(error).to.include({ code: "MALFORMED_SETTINGS", exitStatus: 6 })
        expect(error.message).to.contain(reason)
        expect(error.details).to.include({ path: settings(), ...place })
      }
      expect((await readFile(settings())).equals(broken), reason).to.equal(true)
    }
  })

  it("change nothing where a key is there twice, of which one is the first and the other is what counts", async () => {
    await mkdir(data)
    const client = await connect()
    for (const [twice, place] of [
      ['{\n "datafolders": {},\n "datafolders": { "a": "/a" }\n}', { line: 3, column: 2 }],
      ['{\n "datafolders": { "a": "/a",\n  "a": "/b" }\n}', { line: 3, column: 3 }],
    ] as const) {
      await writeFile(settings(), twice)
      for (const error of [
        await rejection(client.request("datafolders/set", { key: "a", path: "/c" })),
        await rejection(client.request("datafolders/remove", { key: "a" })),
      ]) {
        expect(error).to.include({ code: "MALFORMED_SETTINGS", exitStatus: 6 })
        expect(error.message).to.contain("is there twice")
        expect(error.details).to.include({ path: settings(), ...place })
      }
      expect(await readFile(settings(), "utf8")).to.equal(twice)
    }
  })

  it("say of a pipe that it is no file, and wait for nobody to write into it; of a folder, too", async () => {
    await mkdir(data)
    const client = await connect()
    for (const make of ["mkfifo", "mkdir"]) {
      execFileSync(make, [settings()])
      const error = await rejection(client.request("datafolders/list", {}))
      expect(error).to.include({ code: "MALFORMED_SETTINGS", exitStatus: 6 })
      expect(error.message).to.equal(`Cannot read "${settings()}": it is no file, but a folder, a pipe or a device`)
      await rm(settings(), { recursive: true })
    }
  })

  it("read a file that begins with a byte order mark", async () => {
    await mkdir(data)
    await writeFile(settings(), '\uFEFF{"datafolders": {"a": "/a"}}')
    const client = await connect()
    await client.request("datafolders/set", { key: "b", path: "/b" })
    expect(await client.request("datafolders/list", {})).to.deep.equal({ datafolders: { a: "/a", b: "/b" } })
  })

  it("write into the file that a link leads to, also when it isn't there yet, and keep the link", async () => {
    await mkdir(data)
    const shared = join(folder.path, "shared.json")
    await symlink(join("..", "shared.json"), settings())
    const client = await connect()
    for (const [key, known] of [
      ["a", ["a"]],
      ["b", ["a", "b"]],
    ] as const) {
      await client.request("datafolders/set", { key, path: "/x" })
      expect((await lstat(settings())).isSymbolicLink()).to.equal(true)
      expect(JSON.parse(await readFile(shared, "utf8")).datafolders).to.have.all.keys(known)
    }
    expect((await readdir(folder.path)).sort()).to.deep.equal(["data", "shared.json"])
  })

  it("make paths absolute, with ~ as the home, and warn of a folder that is not there yet", async () => {
    const client = await connect()
    const events: ProgressEvent[] = []
    const set = await client.request(
      "datafolders/set",
      { key: "k", path: "~/no such" },
      { onProgress: (e) => events.push(e) },
    )
    expect(set.path).to.equal(join(homedir(), "no such"))
    expect(events).to.deep.equal([
      { phase: "notice", level: "warning", message: `There is no folder "${set.path}" yet` },
    ])
    expect(await client.request("datafolders/set", { key: "k", path: "below" })).to.deep.equal({
      path: join(process.cwd(), "below"),
    })
  })

  it("refuse keys that are no names, and paths that are none or a file's", async () => {
    const client = await connect()
    for (const key of ["", "a b", "a\tb", "__proto__", "prototype", "a/b", "-x"]) {
      expect(await rejection(client.request("datafolders/set", { key, path: "/x" })), key).to.include({
        code: "USAGE",
        exitStatus: 2,
      })
    }
    for (const path of ["", " ", "a\0b", import.meta.filename]) {
      expect(await rejection(client.request("datafolders/set", { key: "k", path })), path).to.have.property(
        "code",
        "USAGE",
      )
    }
  })
})
