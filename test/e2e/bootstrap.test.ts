import { expect } from "chai"
import { execFileSync } from "node:child_process"
import { createHash } from "node:crypto"
import { existsSync, statSync } from "node:fs"
import {
  appendFile,
  chmod,
  chown,
  copyFile,
  mkdir,
  readdir,
  readFile,
  readlink,
  rm,
  stat,
  symlink,
  utimes,
  writeFile,
} from "node:fs/promises"
import { basename, dirname, join } from "node:path"
import { Script } from "node:vm"
import { brotliCompressSync } from "node:zlib"
import { loadDeployment } from "../../packages/controller/src/deploy/deployment.ts"
import { isAlive, until } from "../helpers/job-lab.ts"
import { makeModuleNode, skipWithoutModuleTools } from "../helpers/module-node.ts"
import { privateEnvironment } from "../helpers/private-environment.ts"
import { rejection } from "../helpers/rejection.ts"
import { startSshServer, type SshServer } from "../helpers/ssh-server.ts"
import { openSshSession, uploadsIn } from "../helpers/ssh-session.ts"

describe("the bootstrap, over the embedded SSH server", () => {
  let environment: Awaited<ReturnType<typeof privateEnvironment>>
  let server: SshServer
  const agents = (): string => join(server.home, ".cache/datamaestro/agents")
  const folder = (): string => join(agents(), loadDeployment().hash)
  const restFile = (): string => join(agents(), loadDeployment().hash, "agent-rest.cjs")
  const restHere = (): string => join(dirname(loadDeployment().agentPath), "agent-rest.cjs")
  const agentFile = (): string => join(agents(), loadDeployment().hash, "agent.cjs")

  beforeEach(async () => {
    environment = await privateEnvironment()
    server = await startSshServer()
  })

  afterEach(async () => {
    await server.close()
    await environment.restore()
  })

  it("uploads the agent once, and answers from the login shell's data directory", async () => {
    await writeFile(join(server.home, ".profile"), "export DATAMAESTRO_DIR=$HOME/of-the-profile\n")
    const first = await openSshSession(server)
    expect(first.uploads).to.deep.equal(["agent"])
    expect(first.initialized.paths.data).to.equal(join(server.home, "of-the-profile"))
    expect(first.initialized.dataSource).to.equal("environment")
    await first.close()
    const second = await openSshSession(server)
    expect(second.uploads).to.deep.equal([])
    expect(await second.agent.request("datafolders/list", {})).to.deep.equal({ datafolders: {} })
    await second.close()
    expect(server.commands).to.have.length(2)
    expect(server.commands[0]).to.include("/bin/sh -c")
    expect(server.commands[1]).to.match(/^exec '[^']*node' -e /)
  })

  it("keeps what it uploads to itself, whatever the umask", async () => {
    const open = await startSshServer({ home: server.home, shell: ["/bin/bash", "-c", 'umask 000; eval "$0"'] })
    const session = await openSshSession(open)
    await session.agent.request("cache/list", {})
    await session.close()
    await open.close()
    for (const path of [join(server.home, ".cache/datamaestro"), agents(), join(agents(), loadDeployment().hash)]) {
      expect((await stat(path)).mode & 0o777, path).to.equal(0o700)
    }
    for (const path of [agentFile(), restFile()]) expect((await stat(path)).mode & 0o777, path).to.equal(0o600)
  })

  it("keeps nothing in a folder that is somebody else's, and reads nothing of it", async function () {
    if (process.getuid?.() !== 0) this.skip()
    const cache = join(server.home, ".cache/datamaestro")
    const temporary = join(environment.path, "tmp")
    await mkdir(cache, { recursive: true, mode: 0o700 })
    await mkdir(temporary)
    await mkdir(folder(), { recursive: true })
    // Whoever opens it waits for ever.
    execFileSync("mkfifo", [agentFile()])
    await chown(cache, 65534, 65534)
    const machine = await startSshServer({
      home: server.home,
      environment: { TMPDIR: temporary, XDG_RUNTIME_DIR: "" },
    })
    await (await openSshSession(machine)).close()
    await machine.close()
    expect(await readdir(folder())).to.deep.equal(["agent.cjs"])
    expect(await readdir(temporary)).to.deep.equal(["datamaestro-0"])
  })

  it("replaces an agent that is not what its hash says", async () => {
    await (await openSshSession(server)).close()
    await writeFile(agentFile(), "process.exit(3)")
    const again = await openSshSession(server)
    expect(again.uploads).to.deep.equal(["agent"])
    await again.close()
    expect(await readFile(agentFile())).to.deep.equal(await readFile(loadDeployment().agentPath))
  })

  it("ignores a code cache that was tampered with", async () => {
    const kept = async (): Promise<string[]> => (await readdir(folder())).filter((name) => /^code-.*\.bin$/.test(name))
    const first = await openSshSession(server)
    await first.agent.request("cache/list", {})
    await first.close()
    await until(async () => (await kept()).length === 2)
    for (const name of await kept()) {
      const bytes = await readFile(join(folder(), name))
      bytes.fill(0x41, bytes.length - 1000)
      await writeFile(join(folder(), name), bytes)
    }
    const session = await openSshSession(server)
    expect(session.initialized.protocol).to.equal(1)
    expect(await session.agent.request("cache/list", {})).to.deep.equal({ entries: [] })
    await session.close()
  })

  it("ignores a code cache that somebody else put there while the folder was open to all", async function () {
    if (process.getuid?.() !== 0) this.skip()
    await (await openSshSession(server)).close()
    const planted = join(folder(), `code-agent.cjs-${process.version}-${process.arch}.bin`)
    await until(async () => (await readdir(folder())).includes(basename(planted)))
    // V8 takes what was compiled from a text of the same length, and the sum before it anybody can make.
    const ran = join(server.home, "ran")
    const wrap = (body: string): string => `(function (exports, require, module, __filename, __dirname) {${body}\n})`
    const length = (await readFile(agentFile(), "utf8")).length
    const evil = new Script(wrap(`require("fs").writeFileSync(${JSON.stringify(ran)},"")`.padEnd(length)), {
      filename: agentFile(),
    }).createCachedData()
    const content = Buffer.concat([Buffer.from("99999990"), evil])
    await writeFile(planted, createHash("sha256").update(content).digest("hex"))
    await appendFile(planted, content)
    for (const path of [join(server.home, ".cache/datamaestro"), agents(), folder()]) await chmod(path, 0o777)
    for (const [owner, mode] of [
      [65534, 0o644],
      [0, 0o666],
    ] as const) {
      await chown(planted, owner, owner)
      await chmod(planted, mode)
      const session = await openSshSession(server)
      expect(session.initialized.protocol).to.equal(1)
      await session.close()
      expect(existsSync(ran)).to.equal(false)
    }
  })

  it("removes repositories' packs from a folder that was open to all: they are taken by their names", async () => {
    await (await openSshSession(server)).close()
    const cache = join(server.home, ".cache/datamaestro")
    await mkdir(join(cache, "packs", "planted"), { recursive: true })
    await (await openSshSession(server)).close()
    expect(existsSync(join(cache, "packs", "planted"))).to.equal(true)
    await chmod(cache, 0o777)
    await (await openSshSession(server)).close()
    expect(existsSync(join(cache, "packs", "planted"))).to.equal(false)
    expect((await stat(cache)).mode & 0o777).to.equal(0o700)
  })

  it("serves two controllers at once that both bring the agent", async () => {
    const sessions = await Promise.all(Array.from({ length: 4 }, () => openSshSession(server)))
    expect(new Set(sessions.map(({ initialized }) => initialized.pid)).size).to.equal(4)
    for (const session of sessions) await session.close()
    expect(await readFile(agentFile())).to.deep.equal(await readFile(loadDeployment().agentPath))
    const left = (await readdir(join(agents(), loadDeployment().hash))).filter((name) => /^agent.*tmp$/.test(name))
    expect(left).to.deep.equal([])
  })

  it("survives a cut at any byte of the upload", async () => {
    for (const bytes of [6000, 9000, 15000, 20000, 25000, 30000]) {
      await server.close()
      server = await startSshServer()
      server.dropAfter(bytes)
      // Bytes pass in pieces: the first part may have answered by then.
      const cut = async (): Promise<unknown> => (await openSshSession(server)).agent.request("cache/list", {})
      expect(await rejection(cut())).to.have.property("exitStatus", 8)
      const left = await readFile(agentFile()).catch(() => undefined)
      if (left !== undefined) expect(left).to.deep.equal(await readFile(loadDeployment().agentPath))
    }
    const session = await openSshSession(server)
    expect(await session.agent.request("cache/list", {})).to.deep.equal({ entries: [] })
    await session.close()
    expect(await readFile(agentFile())).to.deep.equal(await readFile(loadDeployment().agentPath))
  })

  it("goes on where the connection was cut between the parts, or in the second", async () => {
    for (const bytes of [80_000, 120_000, 160_000, 200_000]) {
      await server.close()
      server = await startSshServer()
      server.dropAfter(bytes)
      // The first part may have answered by then.
      const cut = async (): Promise<unknown> => (await openSshSession(server)).agent.request("cache/list", {})
      expect((await rejection(cut())).exitStatus).to.equal(8)
      await until(async () => (await readdir(folder()).catch((): string[] => [])).includes("agent.cjs"))
      expect(await readdir(folder())).to.not.include("agent-rest.cjs")
      const next = await openSshSession(server)
      expect(next.uploads).to.deep.equal([])
      expect(await next.agent.request("cache/list", {})).to.deep.equal({ entries: [] })
      expect(uploadsIn(next.events)).to.deep.equal(["agent"])
      await next.close()
      expect(await readFile(restFile())).to.deep.equal(await readFile(restHere()))
    }
  })

  it("asks for the second part when it is gone, or not what its hash says, and for nothing else", async () => {
    await (await openSshSession(server)).agent.request("cache/list", {})
    for (const spoil of [() => rm(restFile()), () => writeFile(restFile(), "process.exit(3)")]) {
      await spoil()
      const session = await openSshSession(server)
      expect(await session.agent.request("settings/get", {})).to.deep.equal({})
      expect(uploadsIn(session.events)).to.deep.equal([])
      const both = [session.agent.request("cache/list", {}), session.agent.request("jobs/list", {})]
      expect(await Promise.all(both)).to.deep.equal([{ entries: [] }, { jobs: [] }])
      expect(uploadsIn(session.events)).to.deep.equal(["agent"])
      await session.close()
      expect(await readFile(restFile())).to.deep.equal(await readFile(restHere()))
    }
  })

  it("runs no agent that differs from the one announced, and keeps none (exit 8)", async () => {
    const packed = join(environment.path, "packed")
    await mkdir(packed)
    for (const name of ["deploy.json", "agent.cjs", "agent-rest.cjs", "agent-rest.cjs.br"]) {
      await copyFile(join(dirname(loadDeployment().agentPath), name), join(packed, name))
    }
    const ran = join(server.home, "ran")
    for (const [first, why] of [
      [brotliCompressSync(`require("fs").writeFileSync(${JSON.stringify(ran)}, "")`), "hash differs"],
      [Buffer.from("no Brotli"), "unpack"],
    ] as const) {
      await writeFile(join(packed, "agent.cjs.br"), first)
      const error = await rejection(openSshSession(server, { deployment: loadDeployment(packed) }))
      expect(error).to.include({ code: "DEPLOY_FAILED", exitStatus: 8 })
      expect(error.message).to.contain(why)
      expect(existsSync(agentFile())).to.equal(false)
    }
    expect(existsSync(ran)).to.equal(false)
  })

  it("runs no second part that differs from what the first announces (exit 8)", async () => {
    const packed = join(environment.path, "packed")
    await mkdir(packed)
    for (const name of ["deploy.json", "agent.cjs", "agent.cjs.br", "agent-rest.cjs"]) {
      await copyFile(join(dirname(loadDeployment().agentPath), name), join(packed, name))
    }
    for (const [rest, why] of [
      [brotliCompressSync("process.exit(3)"), "hash differs"],
      [Buffer.from("no Brotli"), "second part"],
    ] as const) {
      await writeFile(join(packed, "agent-rest.cjs.br"), rest)
      await rm(agents(), { recursive: true, force: true, maxRetries: 9 })
      const session = await openSshSession(server, { deployment: loadDeployment(packed) })
      const error = await rejection(session.agent.request("cache/list", {}))
      expect(error).to.include({ code: "DEPLOY_FAILED", exitStatus: 8 })
      expect(error.message).to.contain(why)
      expect(await session.agent.request("settings/get", {})).to.deep.equal({})
      await session.close()
      expect(await readdir(join(agents(), loadDeployment().hash))).to.not.include("agent-rest.cjs")
    }
  })

  it("resumes no job before all of it is there: one that can't be carried on here is left as it was", async () => {
    const packed = join(environment.path, "packed")
    await mkdir(packed)
    for (const name of ["deploy.json", "agent.cjs", "agent.cjs.br", "agent-rest.cjs"]) {
      await copyFile(join(dirname(loadDeployment().agentPath), name), join(packed, name))
    }
    await writeFile(join(packed, "agent-rest.cjs.br"), brotliCompressSync("process.exit(3)"))
    const session = await openSshSession(server, { deployment: loadDeployment(packed) })
    const job = "20260101-lost"
    const left = join(session.initialized.paths.data, "jobs", job)
    await mkdir(left, { recursive: true })
    const whose = { host: "login2", user: "ada", agent: "0.0.0" }
    const how = { version: 1, created: new Date().toISOString(), repositories: [], remote: true, detached: true }
    const request = { id: "org.a", encoder: "normal", download: true }
    await writeFile(join(left, "job.json"), JSON.stringify({ ...how, ...whose, id: job, request }))
    const error = await rejection(session.agent.request("jobs/attach", { job }))
    expect(error).to.have.property("code", "DEPLOY_FAILED")
    expect(await readdir(left)).to.deep.equal(["job.json"])
    await session.close()
  })

  it("pushes a newer agent at once to a machine that is known to have an older one", async () => {
    await (await openSshSession(server)).close()
    const hosts = join(environment.path, ".cache/datamaestro/hosts")
    const [name = ""] = await readdir(hosts)
    expect((await stat(hosts)).mode & 0o777).to.equal(0o700)
    const known = JSON.parse(await readFile(join(hosts, name), "utf8")) as object
    await writeFile(join(hosts, name), JSON.stringify({ ...known, agents: ["0".repeat(64)] }))
    await rm(agents(), { recursive: true, maxRetries: 9 })
    const session = await openSshSession(server)
    expect(session.uploads).to.deep.equal(["agent"])
    expect(await session.agent.request("settings/get", {})).to.deep.equal({})
    await session.close()
    expect(server.commands).to.have.length(2)
  })

  it("uploads nothing again where two versions are used in turns", async () => {
    await (await openSshSession(server)).close()
    const hosts = join(environment.path, ".cache/datamaestro/hosts")
    const [name = ""] = await readdir(hosts)
    // As another version leaves it that has brought its agent meanwhile.
    const known = JSON.parse(await readFile(join(hosts, name), "utf8")) as { agents: string[] }
    const both = ["0".repeat(64), ...known.agents]
    await writeFile(join(hosts, name), JSON.stringify({ ...known, agents: both }))
    const session = await openSshSession(server)
    await session.close()
    expect(session.uploads).to.deep.equal([])
    expect(JSON.parse(await readFile(join(hosts, name), "utf8"))).to.deep.include({ agents: both })
  })

  it("leaves no login shell behind whose start-up files hang when it is interrupted", async () => {
    await (await openSshSession(server)).close()
    const asked = join(server.home, "asked")
    await writeFile(join(server.home, ".profile"), "echo $$ > $HOME/asked\nsleep 300\n")
    const controller = new AbortController()
    const opening = rejection(openSshSession(server, { signal: controller.signal }))
    await until(() => existsSync(asked) && statSync(asked).size > 0)
    controller.abort()
    expect(await opening).to.have.property("code", "INTERRUPTED")
    const shell = Number(await readFile(asked, "utf8"))
    await until(() => !isAlive(shell))
  })

  it("looks for Node again when it is no longer where it was", async () => {
    await (await openSshSession(server)).close()
    const hosts = join(environment.path, ".cache/datamaestro/hosts")
    const [name = ""] = await readdir(hosts)
    const known = JSON.parse(await readFile(join(hosts, name), "utf8")) as object
    await writeFile(join(hosts, name), JSON.stringify({ ...known, execPath: "/opt/gone/bin/node" }))
    const session = await openSshSession(server)
    expect(session.initialized.node).to.equal(process.versions.node)
    await session.close()
    expect(server.commands).to.have.length(3)
  })

  it("waits once for a remembered Node that says nothing, and looks for another in the next call", async () => {
    await (await openSshSession(server)).close()
    const hosts = join(environment.path, ".cache/datamaestro/hosts")
    const [name = ""] = await readdir(hosts)
    const known = JSON.parse(await readFile(join(hosts, name), "utf8")) as object
    const execPath = await putNode("hanging/node", "exec sleep 300")
    await writeFile(join(hosts, name), JSON.stringify({ ...known, execPath }))
    const error = await rejection(openSshSession(server, { bootTimeout: 500 }))
    expect(error).to.include({ code: "DEPLOY_FAILED", exitStatus: 8 })
    expect(server.commands).to.have.length(2)
    await (await openSshSession(server)).close()
  })

  /** Runs as any version that is asked of it. */
  const RUNS = `if [ "$1" = --version ]; then echo v99.0.0; else echo "$0" >> "$HOME/used"; exec ${process.execPath} "$@"; fi`
  const putNode = async (place: string, script: string, head = "#!/bin/sh\n"): Promise<string> => {
    const path = join(server.home, place)
    await mkdir(dirname(path), { recursive: true })
    await writeFile(path, `${head}${script}`)
    await chmod(path, 0o755)
    return path
  }

  it("names the Node versions it found when none suits, and how to say where a newer one is (exit 8)", async () => {
    const old = join(server.home, "old node")
    await writeFile(old, "#!/bin/sh\necho v18.19.0\n")
    await chmod(old, 0o755)
    const error = await rejection(openSshSession(server, { node: old }))
    expect(error).to.include({ code: "NO_NODE", exitStatus: 8 })
    expect(error.message).to.include(`${old} (v18.19.0)`).and.include("20.18.1")
    expect(error).to.have.property("hint").that.includes("--node PATH")
    const none = await rejection(openSshSession(server, { node: "/nowhere/node" }))
    expect(none.message).to.include("/nowhere/node").and.include("there is none")
  })

  it("tells of the Node that lies elsewhere than at the path that was named, and doesn't take it", async () => {
    const wanted = await putNode("wanted/node", "echo v99.1.0")
    await putNode(".nvm/versions/node/v99.2.0/bin/node", "echo v99.2.0")
    const error = await rejection(openSshSession(server, { node: `${wanted}s` }))
    expect(error).to.include({ code: "NO_NODE", exitStatus: 8 })
    expect(error.message).to.match(/there is none; elsewhere there are .*v99\.2\.0\/bin\/node \(v99\.2\.0\)/)
    expect(error).to.have.property("hint").that.includes('leave --node out (also "node" of the host in user.json)')
    const broken = await putNode("broken/node", "exit 1")
    const other = await rejection(openSshSession(server, { node: broken }))
    expect(other.message).to.include(`found ${broken} (unusable); elsewhere`)
    const loud = await putNode("loud/node", "yes v99.3.0 | head -c 20000000")
    const third = await rejection(openSshSession(server, { node: loud }))
    expect(third).to.include({ code: "NO_NODE", exitStatus: 8 })
    expect(third.message).to.include(`found ${loud} (unusable); elsewhere`)
  })

  for (const place of [
    ".nvm/versions/node/v99.0.0/bin/node",
    ".local/share/fnm/node-versions/v99.0.0/installation/bin/node",
    ".volta/tools/image/node/99.0.0/bin/node",
    ".asdf/installs/nodejs/99.0.0/bin/node",
    ".local/share/mise/installs/node/99.0.0/bin/node",
    "miniforge3/envs/with space/bin/node",
    ".local/share/mamba/envs/tools/bin/node",
    ".linuxbrew/bin/node",
    ".linuxbrew/opt/node@99/bin/node",
    "Library/Application Support/fnm/node-versions/v99.0.0/installation/bin/node",
  ]) {
    it(`finds ~/${place}`, async () => {
      const path = await putNode(place, RUNS)
      await (await openSshSession(server)).close()
      expect(await readFile(join(server.home, "used"), "utf8")).to.equal(`${path}\n`)
    })
  }

  it("finds the one of a conda environment wherever conda lists it, whose list may name others that are gone", async () => {
    const path = await putNode("scratch/envs/my tools/bin/node", RUNS)
    await mkdir(join(server.home, ".conda"))
    // As conda writes it: a path a line.
    const listed = [join(server.home, "gone"), dirname(dirname(path))]
    await writeFile(join(server.home, ".conda/environments.txt"), `${listed.join("\n")}\n`)
    await (await openSshSession(server)).close()
    expect(await readFile(join(server.home, "used"), "utf8")).to.equal(`${path}\n`)
  })

  for (const name of ["nodejs", "NodeJS"]) {
    it(`finds the one of the environment module ${name}, where no other suits`, async function () {
      if (process.platform !== "linux" || process.getuid?.() !== 0) this.skip()
      const real = await putNode("real", "")
      const old = await putNode("old", "echo v12.22.12")
      const path = await putNode("modules/node/bin/node", RUNS.replace(process.execPath, real))
      const load = `echo "Loading $2" >&2; echo "$*" >> $HOME/asked; [ "$2" = ${name} ] && PATH=${dirname(path)}:$PATH`
      await writeFile(join(server.home, ".bash_profile"), `module() { ${load}; }\nexport MODULESHOME=$HOME\n`)
      // None of this machine's own may suit.
      const hide = [process.execPath, "/usr/bin/node", "/usr/local/bin/node"]
        .filter((node) => existsSync(node))
        .map((node) => `mount --bind ${old} ${node}`)
      const before = [`mount --bind ${process.execPath} ${real}`, ...hide].join(" && ")
      const machine = await startSshServer({
        home: server.home,
        shell: ["/usr/bin/unshare", "-m", "/bin/bash", "-c", `${before}; eval "$0"`],
        environment: { SHELL: "/bin/bash", PATH: "/usr/bin:/bin" },
      })
      try {
        await (await openSshSession(machine)).close()
        expect(await readFile(join(server.home, "used"), "utf8")).to.equal(`${path}\n`)
        expect(await readFile(join(server.home, "asked"), "utf8")).to.match(/^load nodejs$/m)
      } finally {
        await machine.close()
      }
    })
  }

  for (const [how, profile] of [
    ["the login shell sets", "load"],
    ["an environment module sets", "module() { load; }; export MODULESHOME=$HOME"],
  ] as const) {
    it(`finds the one that needs a library by the LD_LIBRARY_PATH that ${how}, and remembers that`, async function () {
      if (process.platform !== "linux" || process.getuid?.() !== 0) this.skip()
      skipWithoutModuleTools(this)
      this.timeout(30_000)
      const old = await putNode("old", "echo v12.22.12")
      await makeModuleNode(join(server.home, "module"))
      const path = join(server.home, "module/bin/node")
      const libraries = `/no/such:${server.home}/module/lib`
      const load = `echo asked >> $HOME/asked; export PATH=$HOME/module/bin:$PATH LD_LIBRARY_PATH=${libraries}`
      const before = profile === "load" ? "" : "export LD_LIBRARY_PATH=/of/others"
      await writeFile(join(server.home, ".bash_profile"), `load() { ${load}; }\n${before}\n${profile}\n`)
      const hide = [process.execPath, "/usr/bin/node", "/usr/local/bin/node"]
        .filter((node) => existsSync(node))
        .map((node) => `mount --bind ${old} ${node}`)
      const machine = await startSshServer({
        home: server.home,
        shell: ["/usr/bin/unshare", "-m", "/bin/bash", "-c", `${hide.join(" && ")}; eval "$0"`],
        environment: { SHELL: "/bin/bash", PATH: "/usr/bin:/bin" },
      })
      try {
        for (let call = 0; call < 2; call++) {
          const session = await openSshSession(machine)
          const { pid } = session.initialized
          expect(await readlink(`/proc/${pid}/exe`)).to.equal(path)
          expect(await readFile(`/proc/${pid}/environ`, "utf8")).to.contain(`LD_LIBRARY_PATH=${libraries}\0`)
          await session.close()
        }
        expect(machine.commands).to.have.length(2)
      } finally {
        await machine.close()
      }
    })
  }

  for (const [variable, place] of [
    ["NVM_DIR", "versions/node/v99.0.0/bin/node"],
    ["FNM_DIR", "node-versions/v99.0.0/installation/bin/node"],
    ["VOLTA_HOME", "tools/image/node/99.0.0/bin/node"],
  ] as const) {
    it(`finds a Node below ${variable}, as the login shell alone exports it`, async () => {
      const path = await putNode(join("managed versions", place), RUNS)
      const line = `export ${variable}="${join(server.home, "managed versions")}"`
      await writeFile(join(server.home, ".profile"), `echo ${variable}=/nowhere\n${line}\n`)
      await (await openSshSession(server)).close()
      expect(await readFile(join(server.home, "used"), "utf8")).to.equal(`${path}\n`)
    })
  }

  for (const [name, content] of [
    ["of another architecture", "\u007fELF\u0002\u0001\u0001 no program of this machine"],
    ["that ends with an error", "#!/bin/sh\nexit 3\n"],
    ["that is too old", "#!/bin/sh\necho v12.22.12\n"],
    ["that says something else", "#!/bin/sh\necho node v99\n"],
    ["that reads what is meant for the agent", "#!/bin/sh\ncat\n"],
    ["that hangs", "#!/bin/sh\nsleep 300\n"],
  ] as const) {
    it(`passes over a program ${name}, first on the PATH`, async () => {
      await putNode("bin/node", content, "")
      const good = await putNode(".nvm/versions/node/v99.0.0/bin/node", RUNS)
      const machine = await startSshServer({
        home: server.home,
        environment: { PATH: `${join(server.home, "bin")}:${process.env["PATH"]}` },
      })
      try {
        await (await openSshSession(machine)).close()
        expect(await readFile(join(server.home, "used"), "utf8")).to.equal(`${good}\n`)
      } finally {
        await machine.close()
      }
    })
  }

  it("takes the newest Node that suits, from a version manager's folder too", async () => {
    const nvm = join(server.home, ".nvm/versions/node")
    for (const [version, action] of [
      ["v18.0.0", "echo v18.0.0"],
      ["v99.0.0", `if [ "$1" = --version ]; then echo v99.0.0; else exec ${process.execPath} "$@"; fi`],
    ] as const) {
      await mkdir(join(nvm, version, "bin"), { recursive: true })
      await writeFile(join(nvm, version, "bin/node"), `#!/bin/sh\necho "$0" >> $HOME/asked\n${action}\n`)
      await chmod(join(nvm, version, "bin/node"), 0o755)
    }
    await (await openSshSession(server)).close()
    const asked = (await readFile(join(server.home, "asked"), "utf8")).trim().split("\n")
    expect(asked.at(-1)).to.equal(join(nvm, "v99.0.0/bin/node"))
  })

  it("asks a Node once that lies in two folders of the PATH", async () => {
    const once = await putNode("bin/node", `echo asked >> $HOME/asked; ${RUNS}`)
    await mkdir(join(server.home, "other"))
    await symlink(once, join(server.home, "other/node"))
    const PATH = ["bin", "other"].map((folder) => join(server.home, folder)).join(":")
    const machine = await startSshServer({ home: server.home, environment: { PATH: `${PATH}:${process.env["PATH"]}` } })
    try {
      await (await openSshSession(machine)).close()
      // With the one that starts the agent.
      expect(await readFile(join(server.home, "asked"), "utf8")).to.equal("asked\nasked\n")
    } finally {
      await machine.close()
    }
  })

  it("gives up in time on a start-up file that never ends, and shows what it printed", async () => {
    await writeFile(join(server.home, ".bashrc"), "echo 'The cluster is down for maintenance'\nsleep 30\n")
    const hanging = await startSshServer({
      home: server.home,
      shell: ["/bin/bash", "-c", 'source "$HOME/.bashrc"; eval "$0"'],
    })
    try {
      const error = await rejection(openSshSession(hanging, { bootTimeout: 500 }))
      expect(error).to.include({ code: "DEPLOY_FAILED", exitStatus: 8 })
      expect(error.message).to.include("The cluster is down for maintenance")
    } finally {
      await hanging.close()
    }
  })

  it("says so when the account may only transfer files", async () => {
    const sftp = await startSshServer({
      shell: ["/bin/sh", "-c", 'echo "This service allows sftp connections only."; exit 1'],
    })
    try {
      const error = await rejection(openSshSession(sftp))
      expect(error).to.include({ code: "DEPLOY_FAILED", exitStatus: 8 })
      expect(error.message).to.include("SFTP")
    } finally {
      await sftp.close()
    }
  })

  it("reads past megabytes of noise and questions without an answer", async () => {
    const noise = 'yes "welcome to the cluster" | head -c 3000000; printf "no line end"; read answer; eval "$0"'
    const loud = await startSshServer({ shell: ["/bin/bash", "-c", noise] })
    try {
      const session = await openSshSession(loud)
      expect(session.initialized.protocol).to.equal(1)
      await session.close()
    } finally {
      await loud.close()
    }
  })

  it("removes agents that nobody has used for a week, when a new one comes", async () => {
    const ancient = join(agents(), "a".repeat(64))
    const recent = join(agents(), "b".repeat(64))
    for (const folder of [ancient, recent]) {
      await mkdir(folder, { recursive: true })
      await writeFile(join(folder, "agent.cjs"), "")
    }
    const weeks = new Date(Date.now() - 8 * 24 * 3600_000)
    await utimes(join(ancient, "agent.cjs"), weeks, weeks)
    await (await openSshSession(server)).close()
    expect(await readdir(agents())).to.have.members(["b".repeat(64), loadDeployment().hash])
  })

  it("tells of an agent that dies, with the end of what it wrote to stderr (exit 9)", async () => {
    const session = await openSshSession(server)
    const dead = rejection(
      session.agent
        .request("packs/upload", { hash: "0".repeat(64), offset: 0, data: "", last: false })
        .then(() => new Promise((_, reject) => session.agent.request("cache/verify", {}).catch(reject))),
    )
    process.kill(session.initialized.pid, "SIGKILL")
    const error = await dead
    expect(error).to.include({ code: "AGENT_DIED", exitStatus: 9 })
    await session.close()
  })
})
