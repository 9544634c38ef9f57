import { expect } from "chai"
import { copyFile, mkdir, readFile, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { datamaestro } from "../helpers/command-line.ts"
import { until } from "../helpers/job-lab.ts"
import { sampleRepository, type SampleRepository } from "../helpers/sample-repository.ts"
import { startSshServer, type SshServer } from "../helpers/ssh-server.ts"

describe("the command line with hosts", () => {
  let sample: SampleRepository
  let server: SshServer
  beforeEach(async () => {
    sample = await sampleRepository()
    server = await startSshServer()
  })
  afterEach(async () => {
    await server.close()
    await sample.close()
  })

  const run = (...args: string[]): ReturnType<typeof datamaestro> =>
    datamaestro(["-F", server.configFile, ...args], { env: sample.env })

  it("prints byte for byte what the same command prints on the data machine itself", async () => {
    const data = join(server.home, "data")
    for (const args of [
      ["datafolders", "set", "large", "/l"],
      ["datafolders", "list"],
      ["prepare", "org.one"],
      ["search", "org"],
    ]) {
      const remote = await run("--host", "cluster", "--data", data, ...args)
      const local = await datamaestro(["--data", data, ...args], { env: sample.env })
      expect(remote.status, remote.stderr).to.equal(0)
      expect(remote.stdout).to.equal(local.stdout)
    }
  })

  it("connects to the port of -p, before or behind the command, of several and of -o Port the first, as ssh does", async () => {
    const port = String(server.port)
    const version = ["--host", "cluster", "version"]
    for (const args of [
      ["-p", port, "-o", "Port=1", ...version],
      [...version, "-p", port, "-p", "1"],
      [`-p${port}`, ...version, "-o", "Port=1"],
      ["-o", `Port=${port}`, "-p", "1", ...version],
      ["-o", `Port=${port}`, ...version, "-p", "1"],
    ]) {
      const { status, stderr } = await run(...args)
      expect(status, stderr).to.equal(0)
    }
    const closed = await run("--host", "cluster", "-p", "1", "version")
    expect(closed.status, closed.stderr).to.equal(8)
    expect(closed.stderr).to.contain("(127.0.0.1, port 1)")
    for (const wrong of ["0", "65536", "ssh", "-1", ""]) {
      const refused = await run("--host", "cluster", "-p", wrong, "version")
      expect(refused.status, refused.stderr).to.equal(2)
      expect(refused.stderr).to.contain("'-p <PORT>' argument").and.contain("It must be a number from 1 to 65535.")
    }
    const nowhere = await datamaestro(["-p", port, "version"], { env: sample.env })
    expect(nowhere.status).to.equal(2)
    expect(nowhere.stderr).to.contain("no host is given")
  })

  it("runs on several at once: an object by host, lists behind HOST<TAB>", async () => {
    const prepared = await run("--host", "a", "--host", "b", "prepare", "org.one")
    const value = { train: { path: join(server.home, "datamaestro/data/sample/org/one/one.txt") }, id: "org.one" }
    expect(JSON.parse(prepared.stdout), prepared.stderr).to.deep.equal({ a: value, b: value })
    expect(prepared.stderr)
      .to.match(/^a: org\.one/m)
      .and.match(/^b: org\.one/m)
    expect((await run("--host", "a", "--host", "b", "search", "\\.one$")).stdout).to.equal(
      "a\torg.one\tsample\torg.one\nb\torg.one\tsample\torg.one\n",
    )
  })

  it("looks for the data where --data says, else DATAMAESTRO_DIR there, else user.json, else in the home folder", async () => {
    const settings = join(sample.folder, "config", "datamaestro")
    await mkdir(settings, { recursive: true })
    const set = (host: object): Promise<void> =>
      writeFile(join(settings, "user.json"), JSON.stringify({ hosts: { lab: { host: "cluster", ...host } } }))
    const path = async (...args: string[]): Promise<string> => {
      const { stdout, stderr } = await run("--host", "lab", ...args, "prepare", "org.one")
      const value = JSON.parse(stdout === "" ? JSON.stringify({ train: { path: stderr } }) : stdout) as {
        train: { path: string }
      }
      return value.train.path.replace(/\/data\/sample\/org\/one\/one\.txt$/, "")
    }
    const found = async (...args: string[]): Promise<string> => {
      const { stdout } = await run("--host", "lab", ...args, "doctor", "--url", sample.url)
      return /data directory +(.*?), /.exec(stdout)?.[1] ?? stdout
    }
    const at = (folder: string): string => join(server.home, folder)

    await set({})
    expect(await path()).to.equal(at("datamaestro"))
    await set({ data: "~/of user.json" })
    expect(await path()).to.equal(at("of user.json"))
    expect(await found()).to.equal(`${at("of user.json")} (user.json)`)
    await writeFile(at(".profile"), 'export DATAMAESTRO_DIR="$HOME/of-the-profile"\n')
    expect(await path()).to.equal(at("of-the-profile"))
    expect(await found()).to.equal(`${at("of-the-profile")} (DATAMAESTRO_DIR)`)
    expect(await path("--data", at("of --data"))).to.equal(at("of --data"))
    expect(await found("--data", at("of --data"))).to.equal(`${at("of --data")} (--data)`)
  })

  it("prints what succeeded when one can't be reached", async () => {
    const hosts = join(sample.folder, "config", "datamaestro")
    await mkdir(hosts, { recursive: true })
    const data = join(server.home, "named data")
    await writeFile(join(hosts, "user.json"), JSON.stringify({ hosts: { lab: { host: "cluster", data } } }))
    // Nothing listens on port 1.
    const { status, stdout, stderr } = await run("--host", "ssh://127.0.0.1:1", "--host", "lab", "prepare", "org.two")
    expect(status, stderr).to.equal(8)
    expect(JSON.parse(stdout)).to.deep.equal({
      lab: { train: { path: join(data, "data/sample/org/two/two.txt") }, id: "org.two" },
    })
    expect(stderr).to.contain("  on: ssh://127.0.0.1:1\n")
  })

  it("attempts all, each with a failure of its own; the first one of the arguments decides", async () => {
    const config = join(sample.folder, "failures")
    const old = join(server.home, "old")
    await writeFile(old, "#!/bin/sh\necho v16.0.0\n", { mode: 0o755 })
    const lines = "Host gone\n HostName no.such.invalid\nHost closed\n Port 1\nHost denied\n PubkeyAuthentication no\n"
    await writeFile(config, `${lines}${await readFile(server.configFile, "utf8")}`)
    const settings = join(sample.folder, "config", "datamaestro")
    await mkdir(settings, { recursive: true })
    await writeFile(join(settings, "user.json"), JSON.stringify({ hosts: { antique: { node: old } } }))
    const among = (...hosts: string[]): ReturnType<typeof datamaestro> =>
      datamaestro(["-F", config, ...hosts.flatMap((host) => ["--host", host]), "prepare", "org.none"], {
        env: sample.env,
      })
    const broken = ["gone", "denied", "antique", "closed"]
    const first = await among(...broken, "fine")
    expect(first.status, first.stderr).to.equal(8)
    for (const host of [...broken, "fine"]) expect(first.stderr).to.contain(`  on: ${host}\n`)
    expect(first.stderr).to.contain("no machine is called").and.contain("refused the connection")
    expect(first.stderr).to.contain("Cannot log in to").and.contain(`${old} (v16.0.0)`)
    // An id that nobody knows is another failure: that of the first argument decides.
    expect((await among("fine", "gone")).status).to.equal(3)
    expect((await among("gone", "fine")).status).to.equal(8)
  })

  it("is refused where a command tells of all hosts", async () => {
    const { status, stderr } = await datamaestro(["--host", "cluster", "hosts"], { env: sample.env })
    expect(status).to.equal(2)
    expect(stderr).to.contain("Cannot use --host with hosts").and.contain("hosts close HOST")
  })

  it("tells of a key that -i names in vain, and takes the usual ones", async () => {
    const config = join(sample.folder, "ssh_config")
    await writeFile(config, (await readFile(server.configFile, "utf8")).replace(/^\s*Identit(yFile|iesOnly) .*$/gm, ""))
    await mkdir(join(sample.folder, ".ssh"))
    await copyFile(server.identityFile, join(sample.folder, ".ssh", "id_ed25519"))
    const options = ["-F", config, "-i", "/none/id_ed25519", "--host", "cluster"]
    const { status, stderr } = await datamaestro([...options, "version"], { env: sample.env })
    expect(status, stderr).to.equal(0)
    expect(stderr).to.contain('warning: There is no key "/none/id_ed25519", which -i names')
  })

  it("needs no --host for hosts, which reads addresses from -F", async () => {
    const settings = join(sample.folder, "config", "datamaestro")
    await mkdir(settings, { recursive: true })
    await writeFile(join(settings, "user.json"), JSON.stringify({ hosts: { lab: { host: "cluster" } } }))
    const { status, stdout } = await run("hosts")
    expect(status).to.equal(0)
    expect(stdout).to.contain(`lab\ttester@127.0.0.1:${server.port}\t`)
    expect((await run("hosts", "close", "--all")).status).to.equal(0)
  })

  it("runs once on a host that is named twice", async () => {
    await run("--host", "a", "datafolders", "set", "large", server.home)
    const { stdout, stderr, status } = await run("--host", "a", "--host", "a", "datafolders", "list")
    expect(status, stderr).to.equal(0)
    expect(stdout).to.equal(`large\t${server.home}\n`)
  })

  it("cancels the work on the data machine on Ctrl-C", async () => {
    const { status, stdout, stderr } = await datamaestro(
      ["-F", server.configFile, "--host", "cluster", "prepare", "org.endless"],
      { env: sample.env, signalWhen: { said: /downloading/, signal: "SIGINT" } },
    )
    expect([status, stdout]).to.deep.equal([130, ""])
    expect(stderr).to.contain("error: Interrupted").and.not.contain("  on:")
    const jobs = async (): Promise<string> => (await run("--host", "cluster", "jobs", "list")).stdout
    await until(async () => /^\w+\tcancelled\torg\.endless\t/.test(await jobs()))
  })
})
