import { expect } from "chai"
import { execFileSync, spawnSync } from "node:child_process"
import { chmod, cp, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from "node:fs/promises"
import { createServer, type AddressInfo, type Server, type Socket } from "node:net"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { datamaestro, LAUNCHER } from "../helpers/command-line.ts"
import { processEnd } from "../helpers/held-lab.ts"
import { until } from "../helpers/job-lab.ts"

describe("the command line", () => {
  let folder: string
  let env: NodeJS.ProcessEnv
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "datamaestro-cli-"))
    env = {
      HOME: folder,
      XDG_CONFIG_HOME: join(folder, "config"),
      XDG_CACHE_HOME: join(folder, "cache"),
      DATAMAESTRO_DIR: join(folder, "data"),
    }
  })
  after(() => rm(folder, { recursive: true }))

  const run = (...args: string[]): ReturnType<typeof datamaestro> => datamaestro(args, { env })

  describe("help", () => {
    it("tells the story of the two machines", async () => {
      const { status, stdout, stderr } = await run("--help")
      expect([status, stderr]).to.deep.equal([0, ""])
      expect(stdout).to.contain("Two machines").and.contain("--host cluster")
      for (const line of stdout.split("\n")) expect(line.length, line).to.be.at.most(80)
    })

    it("says where an argument may be left out, and where several may stand", async () => {
      expect((await run("hosts", "--help")).stdout).to.contain("close [HOST...]")
    })

    const commands = ["prepare", "download", "info", "search", "repositories", "version"]
    const nested = [
      "datafolders list",
      "datafolders set",
      "datafolders remove",
      "cache list",
      "cache clear",
      "cache verify",
    ]
    for (const command of [...commands, "datafolders", "cache", ...nested]) {
      it(`of ${command} has an example and the global options`, async () => {
        const { status, stdout } = await run(...command.split(" "), "--help")
        expect(status).to.equal(0)
        expect(stdout)
          .to.match(/\nExample:\n {2}datamaestro /)
          .and.contain("--host <HOST>")
      })
    }

    it("is the same by the command help, and no mistake", async () => {
      expect(await run("help", "prepare")).to.deep.equal(await run("prepare", "--help"))
      expect(await run("help")).to.deep.equal(await run("--help"))
      expect(await run("help", "jobs", "list")).to.deep.equal(await run("jobs", "list", "--help"))
      const unknown = await run("help", "jobs", "nothing")
      expect(unknown).to.include({ status: 2, stdout: "" })
      expect(unknown.stderr).to.equal("error: unknown command 'nothing'\n  hint: see datamaestro --help\n")
    })

    it("without a command goes to stderr, as a usage error", async () => {
      const { status, stdout, stderr } = await run()
      expect([status, stdout]).to.deep.equal([2, ""])
      expect(stderr).to.contain("Usage: datamaestro")
    })
  })

  it("tells once what the agent warns of when it starts", async () => {
    const warned = { ...env, DATAMAESTRO_LEFT_OUT: "--no-such-option" }
    const { status, stderr } = await datamaestro(["datafolders", "list"], { env: warned })
    expect([status, stderr.match(/NODE_OPTIONS/g)]).to.deep.equal([0, ["NODE_OPTIONS"]])
  })

  it("without a command, but with --json, says so in JSON", async () => {
    const { status, stdout, stderr } = await run("--json")
    expect([status, stdout]).to.deep.equal([2, ""])
    expect(JSON.parse(stderr)).to.include({ type: "error", code: "USAGE", exit: 2 })
  })

  it("runs on the Node that is named, and says so when it can't (exit 8)", async () => {
    const link = join(folder, "node-of-mine")
    await symlink(process.execPath, link)
    expect(await run("--node", link, "version")).to.include({ status: 0 })
    const old = join(folder, "node-too-old")
    await writeFile(old, "#!/bin/sh\necho v16.1.0\n")
    await chmod(old, 0o755)
    const plain = join(folder, "not-executable")
    await writeFile(plain, "")
    for (const [node, reason] of [
      [join(folder, "nowhere"), "there is no such program"],
      [plain, "permission denied"],
      [old, "v16.1.0"],
    ] as const) {
      const { status, stdout, stderr } = await run("--node", node, "version")
      expect([status, stdout]).to.deep.equal([8, ""])
      expect(stderr)
        .to.contain(`Cannot use "${node}" as Node`)
        .and.contain(reason)
        .and.contain("20.18.1 or newer")
        .and.not.match(/\bE[A-Z]{4,}/)
    }
  })

  it("does not try for ever where no folder can be made", async function () {
    if (process.platform !== "linux") this.skip()
    const { status, stderr } = await run("--data", "/proc/none/data", "datafolders", "set", "key", "/tmp")
    expect(status).to.equal(6)
    expect(stderr).to.contain("/proc/none")
  })

  describe("wrong usage exits 2 and says where to read on", () => {
    const cases: [string[], string, string][] = [
      [["prepar"], "unknown command 'prepar'", "Did you mean prepare? (see datamaestro --help)"],
      [["prepare"], "missing required argument 'ID'", "see datamaestro prepare --help"],
      [["prepare", "--forse", "x"], "unknown option '--forse'", "--force"],
      [["prepare", "--encoder", "yaml", "x"], "Allowed choices are normal, xpm", "prepare --help"],
      [["prepare", "--dry-run", "--force", "x"], "cannot be used with", "prepare --help"],
      [["--on-disconnect", "cancel", "prepare", "--detach", "x"], "cannot be used with", "prepare --help"],
      [
        ["doctor", "--url", "ftp://x"],
        "It must be an address that begins with https://",
        "see datamaestro doctor --help",
      ],
      [["prepare", "--accept-agreement", "", "x"], "It must be the id of an agreement", "prepare --help"],
      [["info", "a", "b"], "too many arguments", "see datamaestro info --help"],
      [["datafolders", "set", "k"], "missing required argument 'PATH'", "see datamaestro datafolders set --help"],
      [["--host", "-oProxyCommand=x", "version"], "not a host's name", "--host takes"],
      [["--host", "cluster:0", "version"], "the port must be a number", "user@host:port"],
      [["--host", "cluster", "-o", "Port", "version"], "It must be OPTION=VALUE", "see datamaestro"],
      [["-i", "key", "version"], "no host is given", "--host HOST"],
      [["--node", "", "version"], "It must be a path, auto or bundled", "see datamaestro"],
    ]
    for (const [args, message, hint] of cases) {
      it(args.join(" "), async () => {
        const { status, stdout, stderr } = await run(...args)
        expect([status, stdout]).to.deep.equal([2, ""])
        expect(stderr).to.match(/^error: .*\n {2}hint: .*\n$/)
        expect(stderr).to.contain(message).and.contain(hint)
      })
    }

    it("as a JSON line with --json", async () => {
      const { status, stderr } = await run("--json", "prepar")
      expect(status).to.equal(2)
      expect(JSON.parse(stderr)).to.include({ type: "error", code: "USAGE", exit: 2 })
    })
  })

  describe("on this machine", () => {
    it("lists data folders as KEY<TAB>PATH, sets and removes them", async () => {
      const stderr = 'warning: There is no folder "/l" yet\n'
      expect(await run("datafolders", "set", "large", "/l")).to.deep.equal({ status: 0, stdout: "", stderr })
      expect(await run("datafolders", "set", "there", folder)).to.deep.equal({ status: 0, stdout: "", stderr: "" })
      // Of a variable that is not set: no name for the working directory.
      expect(await run("datafolders", "set", "empty", "")).to.include({ status: 2, stdout: "" })
      expect((await run("datafolders", "remove", "there")).status).to.equal(0)
      expect((await run("datafolders", "list")).stdout).to.equal("large\t/l\n")
      expect(JSON.parse((await run("datafolders", "list", "--json")).stdout)).to.deep.equal({ large: "/l" })
      expect(JSON.parse(await readFile(join(folder, "data", "settings.json"), "utf8"))).to.deep.equal({
        datafolders: { large: "/l" },
      })
      expect((await run("datafolders", "remove", "large")).status).to.equal(0)
      expect((await run("datafolders", "list")).stdout).to.equal("")
    })

    it("tells which limit keeps the agent from being started", function () {
      if (process.platform === "win32") return this.skip()
      // Of what Node itself takes each version has its own number.
      const told = Array.from({ length: 16 }, (_, more) => {
        const line = `ulimit -n ${18 + more}; exec "$0" "$1" version`
        return spawnSync("sh", ["-c", line, process.execPath, LAUNCHER], { encoding: "utf8" }).stderr
      })
      expect(told.find((stderr) => stderr.includes("Cannot start"))).to.contain("ulimit -n")
    }).timeout(30_000)

    it("takes global options before and after the command", async () => {
      const data = join(folder, "other")
      expect((await run("--data", data, "datafolders", "set", "k", "/a")).status).to.equal(0)
      for (const args of [
        ["--data", data, "datafolders", "list"],
        ["datafolders", "--data", data, "list"],
        ["datafolders", "list", "--data", data],
      ]) {
        expect((await run(...args)).stdout).to.equal("k\t/a\n")
      }
    })

    it("tells the versions, also as JSON", async () => {
      const { version } = JSON.parse(
        await readFile(new URL("../../packages/controller/package.json", import.meta.url), "utf8"),
      ) as { version: string }
      expect((await run("--version")).stdout).to.equal(`${version}\n`)
      expect((await run("jobs", "list", "--version")).stdout).to.equal(`${version}\n`)
      expect(JSON.parse((await run("version", "--json")).stdout)).to.include({ datamaestro: version })
    })

    it("ends in silence when the reader of stdout has left", () => {
      const line = `'${process.execPath}' '${LAUNCHER}' version | true; echo "\${PIPESTATUS[0]}"`
      const { stdout, stderr } = spawnSync("bash", ["-c", line], { env: { ...process.env, ...env }, encoding: "utf8" })
      expect([stdout, stderr]).to.deep.equal(["0\n", ""])
    })

    it("says so when the result can't be written", function () {
      if (process.platform !== "linux") this.skip()
      const line = `'${process.execPath}' '${LAUNCHER}' version > /dev/full`
      const { status, stderr } = spawnSync("bash", ["-c", line], { env: { ...process.env, ...env }, encoding: "utf8" })
      expect(status).to.equal(6)
      expect(stderr).to.match(/^error: Cannot write the result/)
    })
  })

  it("reports malformed user settings with line and column, and leaves them (exit 6)", async () => {
    const config = join(folder, "malformed")
    const path = join(config, "datamaestro", "user.json")
    await mkdir(join(config, "datamaestro"), { recursive: true })
    await writeFile(path, '{\n  "hosts": }')
    const { status, stderr } = await datamaestro(["version"], { env: { ...env, XDG_CONFIG_HOME: config } })
    expect(status).to.equal(6)
    expect(stderr).to.contain(path).and.contain("line 2, column 12")
    expect(await readFile(path, "utf8")).to.equal('{\n  "hosts": }')
  })

  describe("with hosts", () => {
    let server: Server
    let port: number
    const sockets = new Set<Socket>()
    before(async () => {
      // Accepts and never speaks: connecting to it hangs.
      server = createServer((socket) => void sockets.add(socket.on("error", () => {})))
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
      port = (server.address() as AddressInfo).port
    })
    after(() => {
      for (const socket of sockets) socket.destroy()
      server.close()
    })

    it("that can't be reached: all are attempted, results are an object, the first failure decides (exit 8)", async () => {
      const { status, stdout, stderr } = await run("--host", "a.invalid", "--host", "b.invalid", "version", "--json")
      expect([status, stdout]).to.deep.equal([8, "{}\n"])
      const errors = stderr
        .trimEnd()
        .split("\n")
        .map((line) => JSON.parse(line) as { type: string; host: string })
      const hosts = errors.filter(({ type }) => type === "error").map(({ host }) => host)
      expect(hosts).to.have.members(["a.invalid", "b.invalid"])
    })

    for (const [signal, expected] of [
      ["SIGINT", 130],
      ["SIGTERM", 143],
      ["SIGHUP", 129],
    ] as const) {
      it(`cancels on ${signal} and exits ${expected}`, async () => {
        const { status, stderr } = await datamaestro(["--host", `127.0.0.1:${port}`, "version"], {
          env,
          onStart: (kill) => server.once("connection", () => kill(signal)),
        })
        expect(status).to.equal(expected)
        expect(stderr)
          .to.match(/error: Interrupted\n$/)
          .and.not.match(/kept|continues/)
      })

      it(`exits ${expected} on ${signal} while the program itself is being loaded, too`, async () => {
        const preload = join(folder, "early.cjs")
        await writeFile(
          preload,
          `const vm = require("node:vm")
           const { Script } = vm
           vm.Script = class extends Script {
             constructor(...given) {
               if (process.argv[1]?.endsWith("datamaestro.js")) process.kill(process.pid, "${signal}")
               super(...given)
             }
           }`,
        )
        const { status } = await datamaestro(["--host", `127.0.0.1:${port}`, "version"], {
          env: { ...env, NODE_OPTIONS: `--require ${preload}` },
        })
        expect(status).to.equal(expected)
      })
    }
  })

  describe("the launcher", () => {
    it("keeps compiled code where only the user can read and write it, and starts from it", async () => {
      const cache = join(folder, "launcher-cache")
      const first = await datamaestro(["--help"], { env: { ...env, XDG_CACHE_HOME: cache } })
      const kept = join(cache, "datamaestro", "code-cache")
      const [entry = ""] = await readdir(kept)
      const written = await stat(join(kept, entry))
      expect([(await stat(kept)).mode & 0o777, written.mode & 0o777]).to.deep.equal([0o700, 0o600])
      const second = await datamaestro(["--help"], { env: { ...env, XDG_CACHE_HOME: cache } })
      expect(second).to.deep.equal(first)
    })

    it("adds to it what the next runs run, and then leaves it", async () => {
      const cache = join(folder, "growing-cache")
      const kept = join(cache, "datamaestro", "code-cache")
      const run = async (...args: string[]): Promise<{ size: number; mtimeMs: number }> => {
        const { status } = await datamaestro([...args, "--help"], { env: { ...env, XDG_CACHE_HOME: cache } })
        expect(status).to.equal(0)
        const [entry = "", ...more] = await readdir(kept)
        expect(more).to.deep.equal([])
        return await stat(join(kept, entry))
      }
      const first = await run()
      const second = await run("jobs", "list")
      expect(second.size).to.be.greaterThan(first.size)
      for (let runs = 0; runs < 2; runs++) await run()
      const last = await run("prepare")
      expect((await run("prepare")).mtimeMs).to.equal(last.mtimeMs)
      expect(last.size).to.be.greaterThan(first.size)
    })

    it("replaces what is damaged, and never runs what others may have written", async () => {
      const cache = join(folder, "damaged-cache")
      const options = { env: { ...env, XDG_CACHE_HOME: cache } }
      const expected = await datamaestro(["--help"], options)
      const kept = join(cache, "datamaestro", "code-cache")
      const [entry = ""] = await readdir(kept)
      await writeFile(join(kept, entry), "damaged")
      expect(await datamaestro(["--help"], options)).to.deep.equal(expected)
      expect((await stat(join(kept, entry))).size).to.be.greaterThan(1000)
      await chmod(kept, 0o777)
      await writeFile(join(kept, entry), "from somebody else")
      expect(await datamaestro(["--help"], options)).to.deep.equal(expected)
      expect(await readFile(join(kept, entry), "utf8")).to.equal("from somebody else")
    })

    it("starts this machine's agent at once where it will be wanted, never twice, and leaves none behind", async () => {
      const started = join(folder, "started")
      const preload = join(folder, "preload.cjs")
      await writeFile(preload, `require("fs").appendFileSync(${JSON.stringify(started)}, process.pid + "\\n")`)
      const programs = async (...args: string[]): Promise<number[]> => {
        await rm(started, { force: true })
        await datamaestro(args, { env: { ...env, NODE_OPTIONS: `--require ${preload}` } })
        return (await readFile(started, "utf8")).trim().split("\n").map(Number)
      }
      expect(await programs("datafolders", "list")).to.have.length(2)
      expect(await programs("datafolders", "list", "--node", process.execPath)).to.have.length(2)
      for (const one of [["datafolders", "--help"], ["hosts"], ["--host=nowhere.invalid", "datafolders", "list"]]) {
        expect(await programs(...one), one.join(" ")).to.have.length(1)
      }
      // It had been started for a mistake.
      await programs("datafolders", "lst")
      const lines = async (): Promise<string[]> => (await readFile(started, "utf8")).trim().split("\n")
      await until(async () => (await lines()).length === 2)
      expect(await processEnd(Number((await lines())[1]))).to.equal(true)
    })

    it("keeps the agent's compiled code, and more of it once more has run", async () => {
      const cache = join(folder, "agent-cache")
      const run = (...args: string[]) => datamaestro(args, { env: { ...env, XDG_CACHE_HOME: cache, HOME: cache } })
      const kept = async (): Promise<Map<string, number>> => {
        const agents = join(cache, ".cache", "datamaestro", "agents")
        const [hash = ""] = await readdir(agents)
        const names = (await readdir(join(agents, hash))).filter((name) => name.endsWith(".bin"))
        const sizes = names.map(
          async (name) => [name.split("-v")[0], (await stat(join(agents, hash, name))).size] as const,
        )
        return new Map((await Promise.all(sizes)) as [string, number][])
      }
      await run("datafolders", "list")
      const first = await kept()
      expect([...first.keys()]).to.deep.equal(["code-agent.cjs"])
      await run("cache", "list")
      const second = await kept()
      expect([...second.keys()].sort()).to.deep.equal(["code-agent-rest.cjs", "code-agent.cjs"])
      await run("search", "nothing-is-called-so")
      const third = (await kept()).get("code-agent-rest.cjs") ?? 0
      expect(third).to.be.greaterThan(second.get("code-agent-rest.cjs") ?? Infinity)
      // Other functions of the same modules.
      await run("search", "tag:images", "repo:image")
      const fourth = (await kept()).get("code-agent-rest.cjs") ?? 0
      expect(fourth).to.be.greaterThan(third)
      for (let runs = 0; runs < 3; runs++) await run("search", "nothing-is-called-so")
      const settled = (await kept()).get("code-agent-rest.cjs")
      await run("search", "images", "/mnist/")
      expect((await kept()).get("code-agent-rest.cjs")).to.equal(settled)
    })

    it("works where nothing can be cached", async () => {
      await writeFile(join(folder, "file"), "")
      const { status, stderr } = await datamaestro(["--help"], {
        env: { ...env, XDG_CACHE_HOME: join(folder, "file") },
      })
      expect([status, stderr]).to.deep.equal([0, ""])
    })

    it("starts by a link, as npm makes one", async () => {
      const link = join(folder, "linked")
      await symlink(LAUNCHER, link)
      expect(execFileSync(link, ["--version"], { encoding: "utf8" })).to.match(/^\d/)
    })

    it("says what to do where nothing was built", async () => {
      const bin = join(folder, "unbuilt", "bin")
      await mkdir(bin, { recursive: true })
      const copy = join(bin, "datamaestro.cjs")
      await writeFile(copy, await readFile(LAUNCHER))
      const { status, stderr } = spawnSync(process.execPath, [copy], { encoding: "utf8" })
      expect(status).to.equal(6)
      expect(stderr).to.contain("npm ci")
    })

    it("says what to do where the agent can't be started, which no login shell is to blame for (exit 9)", async () => {
      const [broken, built] = [join(folder, "broken"), join(dirname(LAUNCHER), "..")]
      for (const file of [
        "package.json",
        "bin/package.json",
        "bin/datamaestro.js",
        "dist/cli.cjs",
        "dist/deploy.json",
      ]) {
        await cp(join(built, file), join(broken, file))
      }
      const { status, stderr } = spawnSync(process.execPath, [join(broken, "bin", "datamaestro.js"), "version"], {
        encoding: "utf8",
        env: { ...process.env, ...env },
      })
      expect(status, stderr).to.equal(9)
      expect(stderr).to.contain(join(broken, "dist", "agent.cjs"))
      expect(stderr).to.match(/hint: .*install datamaestro again/)
    })

    it("tells an old Node that it is too old", async () => {
      const old = `Object.defineProperty(process, "versions", { value: { node: "18.20.4" } });`
      const run = spawnSync(process.execPath, ["-e", `${old} require(${JSON.stringify(LAUNCHER)})`], {
        encoding: "utf8",
      })
      expect(run.status).to.equal(8)
      expect(run.stderr).to.match(/^error: Cannot run on Node 18\.20\.4 .*at least 20\.19 is needed\n {2}hint: /)
    })
  })
})
