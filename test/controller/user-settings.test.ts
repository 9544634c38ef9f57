import { execFileSync } from "node:child_process"
import { createHash } from "node:crypto"
import { expect } from "chai"
import { chmod, lstat, mkdir, mkdtemp, readFile, rm, symlink, writeFile, readdir } from "node:fs/promises"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { localMachine, remoteMachine } from "../../packages/controller/src/machine.ts"
import { acceptedAgreements } from "../../packages/controller/src/accepted-agreements.ts"
import { readUserSettings, rememberAgreement, userSettingsPath } from "../../packages/controller/src/user-settings.ts"
import { rejection } from "../helpers/rejection.ts"

describe("user settings", () => {
  let folder: string
  let path: string
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "datamaestro-settings-"))
    path = join(folder, "datamaestro", "user.json")
  })
  afterEach(() => rm(folder, { recursive: true }))

  const write = async (text: string): Promise<void> => {
    await mkdir(join(folder, "datamaestro"), { recursive: true })
    await writeFile(path, text)
  }
  const read = (): Promise<never> => Promise.resolve().then(() => readUserSettings(path) as never)

  it("are empty without a file", () => {
    expect(readUserSettings(path)).to.deep.equal({})
  })

  it("are refused where a pipe or a folder has their place", async () => {
    await mkdir(join(folder, "datamaestro"))
    execFileSync("mkfifo", [path])
    const message = `Cannot read "${path}": it is no file, but a folder, a pipe or a device`
    expect(await rejection(read())).to.include({ code: "MALFORMED_SETTINGS", message })
    await rm(path)
    await mkdir(path)
    expect(await rejection(read())).to.include({ code: "MALFORMED_SETTINGS", message })
  })

  it("are looked for in XDG_CONFIG_HOME, unless that is relative", () => {
    const before = process.env["XDG_CONFIG_HOME"]
    try {
      process.env["XDG_CONFIG_HOME"] = "/some/where"
      expect(userSettingsPath()).to.equal("/some/where/datamaestro/user.json")
      process.env["XDG_CONFIG_HOME"] = "relative"
      expect(userSettingsPath()).to.match(/^\/.*\/\.config\/datamaestro\/user\.json$/)
      delete process.env["XDG_CONFIG_HOME"]
      expect(userSettingsPath()).to.match(/^\/.*\/\.config\/datamaestro\/user\.json$/)
    } finally {
      if (before === undefined) delete process.env["XDG_CONFIG_HOME"]
      else process.env["XDG_CONFIG_HOME"] = before
    }
  })

  it("that are malformed name file, line and column, and are never overwritten", async () => {
    const text = '{\n  "agreements": {"a": "2020-01-01",}\n}'
    await write(text)
    for (const error of [await rejection(read()), await rejection(rememberAgreement({ id: "b" }, path))]) {
      expect([error.code, error.exitStatus]).to.deep.equal(["MALFORMED_SETTINGS", 6])
      expect(error.message).to.contain(path).and.contain("line 2, column")
    }
    expect(await readFile(path, "utf8")).to.equal(text)
  })

  it("that are no object are malformed, too", async () => {
    await write("[]")
    expect((await rejection(read())).message).to.contain("line 1, column 1: the document: an object is wanted")
  })

  for (const [slurm, field, reason] of [
    ['{"time": "soon"}', "time", "must be a time"],
    ['{"time": 5}', "time", "string"],
    ['{"memory": "8 GB"}', "memory", "must be an amount"],
    ['{"cpus": 0}', "cpus", "at least 1"],
    ['{"cpus": 1.5}', "cpus", "whole number"],
    ['{"partition": ""}', "partition", "must be a name"],
    ['{"fetch": "laptop"}', "fetch", 'must be "login" or "slurm"'],
    ['{"extract": "login"}', "extract", 'must be "slurm"'],
    ['{"options": ["ssd"]}', "options.0", "one option of sbatch"],
    ['{"options": ["--qos=x", "--wrap=rm"]}', "options.1", "is decided by datamaestro"],
    ['{"options": ["--array=1-9"]}', "options.0", "is decided by datamaestro"],
    ['{"options": ["--output=/dev/null"]}', "options.0", "is decided by datamaestro"],
    ['{"options": ["-e/dev/null"]}', "options.0", "is decided by datamaestro"],
  ] as const) {
    it(`with ${slurm} for Slurm name the field`, async () => {
      await write(`{\n  "hosts": {"cluster": {\n    "slurm": ${slurm} }}\n}`)
      const error = await rejection(read())
      expect([error.code, error.exitStatus]).to.deep.equal(["MALFORMED_SETTINGS", 6])
      expect(error.message).to.contain(path).and.contain("line 3").and.contain(`hosts.cluster.slurm.${field}: `)
      expect(error.message).to.contain(reason)
    })
  }

  it("say where preparations run, unless the command line does", () => {
    const slurm = { partition: "cpu", time: "1-12:00:00", memory: "8G", options: ["--constraint=ssd"], partion: "x" }
    const settings = { slurm: { cpus: 2 }, hosts: { cluster: { launcher: "slurm", slurm }, other: { slurm } } } as const
    const machine = remoteMachine("cluster", {}, settings)
    expect(machine.slurm).to.deep.include({ partition: "cpu", memory: "8G" })
    expect(machine.ignored).to.deep.equal(["slurm.partion"])
    expect(remoteMachine("cluster", { launcher: "none" }, settings).slurm).to.equal(undefined)
    expect(remoteMachine("other", {}, settings).slurm).to.equal(undefined)
    expect(remoteMachine("elsewhere", { launcher: "slurm" }, settings).slurm).to.deep.equal({})
    expect(localMachine({ launcher: "slurm" }, settings).slurm).to.deep.equal({ cpus: 2 })
    expect(localMachine({}, settings).slurm).to.equal(undefined)
  })

  it("of a wrong shape name the place", async () => {
    await write('{\n  "hosts": {\n    "cluster": { "host": 3 }\n  }\n}')
    expect((await rejection(read())).message)
      .to.contain("line 3, column")
      .and.contain("hosts.cluster.host")
    for (const host of ["", "a b", "-oProxyCommand=true", "a\\nb"]) {
      await write(`{"hosts": {\n  "cluster": { "host": "${host}" }}}`)
      const error = await rejection(read())
      expect(error).to.include({ code: "MALFORMED_SETTINGS", exitStatus: 6 })
      expect(error.message).to.contain("line 2, column 24").and.contain("hosts.cluster.host: must be an alias")
    }
    await write('{\n  "hosts": ["cluster"]\n}')
    expect((await rejection(read())).message)
      .to.contain("line 2, column 12")
      .and.contain("hosts: must be an object, not a list")
  })

  it("of another encoding, or with a list where an object is wanted, are malformed and stay as they are", async () => {
    for (const [text, reason] of [
      ['{"future": "caf\u00e9"}', "line 1, column 16: it is not UTF-8"],
      ['{"agreements": []}', "line 1, column 16: agreements: must be an object, not a list"],
      ['{"hosts": {"cluster": []}}', "line 1, column 23: hosts.cluster: must be an object, not a list"],
    ] as const) {
      await write("")
      await writeFile(path, text, "latin1")
      for (const error of [await rejection(read()), await rejection(rememberAgreement({ id: "b" }, path))]) {
        expect(error).to.include({ code: "MALFORMED_SETTINGS", exitStatus: 6 })
        expect(error.message).to.contain(reason)
      }
      expect(await readFile(path, "latin1")).to.equal(text)
    }
  })

  it("remember an agreement with its date, and keep every other byte", async () => {
    await write('{\n  "future": [1, 2],\n  "hosts": { "c": { "launcher": "slurm" } },\n  "agreements": {}\n}\n')
    await rememberAgreement({ id: "org.x" }, path)
    const text = await readFile(path, "utf8")
    expect(text).to.contain('{\n  "future": [1, 2],\n  "hosts": { "c": { "launcher": "slurm" } },')
    const date = readUserSettings(path).agreements?.["org.x"] ?? ""
    expect(Math.abs(Date.parse(date) - Date.now())).to.be.lessThan(60_000)
    expect(await readdir(join(folder, "datamaestro"))).to.deep.equal(["user.json"])
  })

  it("remember no agreement where the key is there twice", async () => {
    const text = '{"agreements": {"org.x": "2020-01-01"},\n "agreements": {}}'
    await write(text)
    const error = await rejection(rememberAgreement({ id: "org.x" }, path))
    expect(error.message).to.contain('line 2, column 2: "agreements" is there twice')
    expect(await readFile(path, "utf8")).to.equal(text)
  })

  it("remember the text that was accepted by its hash, and forget it with the text", async () => {
    await rememberAgreement({ id: "org.x", text: "be kind" }, path)
    const sum = createHash("sha256").update("be kind").digest("hex")
    const accepted = acceptedAgreements(readUserSettings(path), ["given"], { DATAMAESTRO_ACCEPT_AGREEMENTS: " a,b c" })
    expect(accepted).to.deep.equal([{ id: "org.x", sha256: sum }, "a", "b", "c", "given"])
    await rememberAgreement({ id: "org.x" }, path)
    expect(acceptedAgreements(readUserSettings(path), [], {})).to.deep.equal(["org.x"])
  })

  it("stay what Python's datamaestro reads, which refuses any key but agreements", async () => {
    await rememberAgreement({ id: "org.x", text: "be kind" }, path)
    const keys = async () => Object.keys(JSON.parse(await readFile(path, "utf8")) as object)
    expect(await keys()).to.deep.equal(["agreements"])
    const texts = join(dirname(path), "agreement-texts.json")
    expect((await lstat(texts)).mode & 0o077).to.equal(0)

    await rm(texts)
    await write('{"agreements": {"org.old": "2020-01-01"}, "agreement_texts": {"org.old": "abc"}, "mine": 1}')
    expect(acceptedAgreements(readUserSettings(path), [], {})).to.deep.equal([{ id: "org.old", sha256: "abc" }])
    await rememberAgreement({ id: "org.x", text: "be kind" }, path)
    expect(await keys()).to.deep.equal(["agreements", "mine"])
    expect(acceptedAgreements(readUserSettings(path), [], {})).to.deep.include({ id: "org.old", sha256: "abc" })

    await writeFile(texts, '{"org.x": }')
    const error = await rejection(read())
    expect([error.code, error.exitStatus]).to.deep.equal(["MALFORMED_SETTINGS", 6])
    expect(error.message).to.contain(`"${texts}": line 1, column 11`)
  })

  it("are made when there are none, for the user only", async () => {
    await rememberAgreement({ id: "org.x" }, path)
    expect(Object.keys(readUserSettings(path).agreements ?? {})).to.deep.equal(["org.x"])
    expect((await lstat(path)).mode & 0o077).to.equal(0)
  })

  it("that are a link into a collection of dotfiles stay one", async () => {
    await write("{}")
    const target = join(folder, "dotfile.json")
    await writeFile(target, "{}")
    await rm(path)
    await symlink(target, path)
    await rememberAgreement({ id: "org.x" }, path)
    expect((await lstat(path)).isSymbolicLink()).to.equal(true)
    expect(await readFile(target, "utf8")).to.contain("org.x")
  })

  it("that can't be read are an error of storage", async () => {
    await mkdir(path, { recursive: true })
    expect((await rejection(read())).exitStatus).to.equal(6)
    await chmod(path, 0o700)
  })
})

describe("the machine a command runs on", () => {
  it("is this one without a host, where paths are the caller's", () => {
    expect(localMachine({ data: "some/data" })).to.include({ node: "auto", data: join(process.cwd(), "some/data") })
  })

  it("takes what is not said from the user settings", () => {
    const settings = { hosts: { c: { host: "me@login:2222", node: "/n", data: "/d" } } }
    expect(remoteMachine("c", {}, settings)).to.deep.include({
      host: "c",
      node: "/n",
      data: undefined,
      dataSetting: "/d",
    })
    expect(remoteMachine("c", {}, settings).ssh?.destination).to.equal("me@login:2222")
    expect(remoteMachine("c", { node: "/other", data: "rel" }, settings)).to.include({ node: "/other", data: "rel" })
    expect(remoteMachine("constructor", {}, settings).ssh?.destination).to.equal("constructor")
  })

  it("is used as the command line says, then as the settings of the host, then as those for all", () => {
    const settings = {
      reconnect_minutes: 5,
      hold_minutes: "off" as const,
      hosts: {
        c: {
          relay: true,
          transport: "openssh" as const,
          on_disconnect: "cancel" as const,
          reconnect_minutes: 1,
          hold_minutes: 2,
          launcher: "slurm" as const,
          slurm: { partition: "p" },
        },
        quiet: { relay: false },
      },
    }
    const typed = { relay: false, transport: "ssh2", onDisconnect: "continue", launcher: "none" } as const
    const facts = (host: string, options: Parameters<typeof remoteMachine>[1] = {}) => {
      const { relay, ssh, onDisconnect, reconnectMinutes, holdSettings, slurm } = remoteMachine(host, options, settings)
      return { relay, transport: ssh?.transport, onDisconnect, reconnectMinutes, holdSettings, slurm }
    }
    expect(facts("c")).to.deep.equal({
      relay: "always",
      transport: "openssh",
      onDisconnect: "cancel",
      reconnectMinutes: 1,
      holdSettings: [2, "off"],
      slurm: { partition: "p" },
    })
    expect(facts("c", typed)).to.include({
      relay: undefined,
      transport: "ssh2",
      onDisconnect: "continue",
      slurm: undefined,
    })
    expect(facts("quiet")).to.include({ relay: undefined, onDisconnect: "continue", reconnectMinutes: 5 })
    expect(facts("quiet", { relay: true })).to.have.property("relay", "always")
    expect(facts("unknown")).to.deep.include({ relay: "auto", transport: undefined, holdSettings: [undefined, "off"] })
  })

  it("names what this version does not understand of its settings", () => {
    const hosts = { c: { host: "login", colour: "red", slurm: { partition: "p", qos: "high" } } }
    expect(remoteMachine("c", {}, { hosts }).ignored).to.deep.equal(["colour", "slurm.qos"])
    expect(localMachine({}, { slurm: { qos: "high" } }).ignored).to.deep.equal(["slurm.qos"])
  })

  for (const host of ["", "-oProxyCommand=true", "a b", "a\nb"]) {
    it(`is never ${JSON.stringify(host)}`, async () => {
      const error = await rejection(Promise.resolve().then(() => remoteMachine(host, {}, {})))
      expect(error.exitStatus).to.equal(2)
    })
  }
})
