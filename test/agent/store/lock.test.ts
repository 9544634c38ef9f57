import { expect } from "chai"
import { spawn, type ChildProcess } from "node:child_process"
import { once } from "node:events"
import { mkdir, mkdtemp, readdir, readFile, readlink, rm, stat, symlink, utimes, writeFile } from "node:fs/promises"
import { hostname, tmpdir } from "node:os"
import { join } from "node:path"
import { mock } from "node:test"
import { setTimeout as sleep } from "node:timers/promises"
import { fileURLToPath } from "node:url"
import { removeClaimed, sweepClaims } from "../../../packages/agent/src/store/lock-claim.ts"
import { thisHolder } from "../../../packages/agent/src/store/lock-holder.ts"
import { readRecord } from "../../../packages/agent/src/store/lock-record.ts"
import { acquireLock, tryLock } from "../../../packages/agent/src/store/lock.ts"
import { rejection } from "../../helpers/rejection.ts"

const WORKER = fileURLToPath(new URL("lock-worker.ts", import.meta.url))

describe("sweepClaims", () => {
  it("removes what killed processes left beside a lock, and nothing of the living", async () => {
    const folder = await mkdtemp(join(tmpdir(), "lock-"))
    try {
      const self = await thisHolder()
      const old = Date.now() / 1000 - 46
      const files: [name: string, text: string, old: boolean][] = [
        ["x.lease", JSON.stringify({ ...self, start: "1" }), true],
        ["x.lease.aaaaaaaaaaaaaaaaaaaaaaaa", JSON.stringify({ ...self, start: "1" }), false],
        ["x.lease.bbbbbbbbbbbbbbbbbbbbbbbb", JSON.stringify({ ...self, host: "elsewhere" }), true],
        ["x.lease.cccccccccccccccccccccccc", JSON.stringify({ ...self, host: "elsewhere" }), false],
        ["x.lease.dddddddddddddddddddddddd", JSON.stringify(self), false],
        ["x.lease.inode-12", "", true],
        ["x.lease.aaaaaaaaaaaa.clock", "0", true],
        ["x.lease.bbbbbbbbbbbb.clock", "0", false],
        ["y.lease.aaaaaaaaaaaaaaaaaaaaaaaa", JSON.stringify({ ...self, start: "1" }), true],
      ]
      for (const [name, text, past] of files) {
        await writeFile(join(folder, name), text)
        if (past) await utimes(join(folder, name), old, old)
      }
      await sweepClaims(join(folder, "x.lease"), await readdir(folder))
      expect(await readdir(folder)).to.have.members([
        "x.lease",
        "x.lease.cccccccccccccccccccccccc",
        "x.lease.dddddddddddddddddddddddd",
        "x.lease.bbbbbbbbbbbb.clock",
        "y.lease.aaaaaaaaaaaaaaaaaaaaaaaa",
      ])
    } finally {
      await rm(folder, { recursive: true })
    }
  })
})

describe("acquireLock", () => {
  let folder: string
  let path: string
  const children: ChildProcess[] = []
  const { signal } = new AbortController()

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "lock-"))
    path = join(folder, "locks", "x.lock")
  })
  afterEach(async () => {
    for (const child of children.splice(0)) child.kill("SIGKILL")
    await rm(folder, { recursive: true, force: true })
  })

  function worker(rounds: number, hold: string): ChildProcess {
    const child = spawn(
      process.execPath,
      ["--import=tsx", "--conditions=@datamaestro/source", WORKER, path, folder, String(rounds), hold],
      {
        stdio: ["ignore", "pipe", "inherit"],
      },
    )
    children.push(child)
    return child
  }

  async function deadHolder(overrides: object): Promise<void> {
    await mkdir(join(folder, "locks"), { recursive: true })
    await writeFile(path, JSON.stringify({ ...(await thisHolder()), ...overrides }))
  }

  it("is held until released, and leaves nothing behind", async () => {
    const lock = await acquireLock(path, { signal })
    expect(await lock.held()).to.equal(true)
    await lock.release()
    await lock.release()
    expect(await lock.held()).to.equal(false)
    expect(await readdir(join(folder, "locks"))).to.deep.equal([])
  })

  it("follows the umask, so that group-shared folders keep working", async () => {
    const before = process.umask(0o002)
    try {
      const lock = await acquireLock(path, { signal })
      expect((await stat(path)).mode & 0o777).to.equal(0o664)
      expect((await stat(join(folder, "locks"))).mode & 0o777).to.equal(0o775)
      await lock.release()
    } finally {
      process.umask(before)
    }
  })

  it("tells at once whom it waits for, and takes the lock when it is released", async () => {
    const first = await acquireLock(path, { signal })
    const told: [string, number, boolean][] = []
    let second: string | undefined
    const waiting = acquireLock(path, {
      signal,
      onWait: (holder, seconds, own) => {
        told.push([holder, seconds, own])
        second ??= "waits"
        void first.release()
      },
    })
    const lock = await waiting
    expect(told).to.deep.equal([[`process ${process.pid} on ${hostname()}`, 0, true]])
    expect(await lock.held()).to.equal(true)
    await lock.release()
  })

  it("stops waiting when aborted, and leaves the lock to its holder", async () => {
    const first = await acquireLock(path, { signal })
    const abort = new AbortController()
    const waiting = acquireLock(path, { signal: abort.signal, onWait: () => abort.abort() })
    const error: unknown = await waiting.catch((reason: unknown) => reason)
    expect(error).to.have.property("code", "INTERRUPTED")
    expect(await first.held()).to.equal(true)
    await first.release()
  })

  it("is never held by two of many processes at once", async () => {
    const exits = await Promise.all(Array.from({ length: 6 }, () => once(worker(15, "4"), "exit")))
    expect(exits.map(([code]) => code as unknown)).to.deep.equal([0, 0, 0, 0, 0, 0])
    const log = (await readFile(join(folder, "log"), "utf8")).trim().split("\n")
    expect(log).to.deep.equal(Array.from({ length: 90 }, () => "in"))
    expect(await readdir(join(folder, "locks"))).to.deep.equal([])
  })

  it("passes at once from a killed process to exactly one of many that wait", async () => {
    const victim = worker(1, "forever")
    if (victim.stdout) await once(victim.stdout, "data")
    const survivors = Array.from({ length: 4 }, () => once(worker(5, "4"), "exit"))
    victim.kill("SIGKILL")
    await Promise.all(survivors)
    const log = (await readFile(join(folder, "log"), "utf8")).trim().split("\n")
    expect(log).to.deep.equal(Array.from({ length: 20 }, () => "in"))
    expect(await readdir(join(folder, "locks"))).to.deep.equal([])
  })

  it("never goes to two when many in one process find a dead holder", async () => {
    await deadHolder({ start: "1" })
    let inside = 0
    let most = 0
    await Promise.all(
      Array.from({ length: 30 }, async () => {
        const lock = await acquireLock(path, { signal: new AbortController().signal })
        most = Math.max(most, ++inside)
        await new Promise((resolve) => setImmediate(resolve))
        inside--
        await lock.release()
      }),
    )
    expect(most).to.equal(1)
  })

  it("knows that a process id was given to another process since", async () => {
    await deadHolder({ start: "1" })
    const lock = await acquireLock(path, { signal, onWait: () => expect.fail("waited") })
    await lock.release()
  })

  it("knows a holder as dead whose parent has not asked for its end", async function () {
    if (process.platform !== "linux") this.skip()
    // What the shell becomes never waits for the child that the shell began.
    const parent = spawn("/bin/sh", ["-c", "sleep 0.2 & echo $!; exec sleep 600"], {
      stdio: ["ignore", "pipe", "ignore"],
    })
    children.push(parent)
    const [said] = (await once(parent.stdout, "data")) as [Buffer]
    const pid = Number(said)
    const fields = async (): Promise<string[]> => {
      const text = await readFile(`/proc/${pid}/stat`, "utf8")
      return text.slice(text.lastIndexOf(")") + 2).split(" ")
    }
    while ((await fields())[0] !== "Z") await sleep(5)
    await deadHolder({ pid, start: (await fields())[19] })
    const lock = await acquireLock(path, { signal, onWait: () => expect.fail("waited") })
    await lock.release()
  })

  for (const elsewhere of [{ host: "elsewhere" }, { boot: "another boot pid:[1]" }]) {
    it(`does not trust process ids of another ${Object.keys(elsewhere).join()}, but their heartbeat`, async () => {
      await deadHolder({ ...elsewhere, pid: 4_000_000 })
      const abort = new AbortController()
      const error: unknown = await acquireLock(path, { signal: abort.signal, onWait: () => abort.abort() }).catch(
        (reason: unknown) => reason,
      )
      expect(error).to.have.property("code", "INTERRUPTED")
      const old = Date.now() / 1000 - 46
      await utimes(path, old, old)
      const lock = await acquireLock(path, { signal, onWait: () => expect.fail("waited") })
      await lock.release()
    })
  }

  it("takes over from a holder whose lock file is empty or damaged once it is old", async () => {
    await mkdir(join(folder, "locks"))
    await writeFile(path, "{ not json")
    const old = Date.now() / 1000 - 46
    await utimes(path, old, old)
    const lock = await acquireLock(path, { signal, onWait: () => expect.fail("waited") })
    await lock.release()
  })

  it("takes over sooner from a holder that never wrote its first word, and not from one that is about to", async () => {
    await mkdir(join(folder, "locks"))
    for (const [text, seconds, taken] of [
      ["", 5, false],
      ["", 11, true],
      ["{ not json", 11, false],
    ] as const) {
      await writeFile(path, text)
      const old = Date.now() / 1000 - seconds
      await utimes(path, old, old)
      const lock = await tryLock(path)
      expect(lock !== undefined, `"${text}", ${seconds} s old`).to.equal(taken)
      await lock?.release()
    }
  })

  it("takes over also when the one who was taking over died in the middle", async () => {
    await deadHolder({ start: "1", token: "aaaaaaaaaaaaaaaa" })
    await writeFile(`${path}.aaaaaaaaaaaaaaaa`, JSON.stringify({ ...(await thisHolder()), start: "1" }))
    const lock = await acquireLock(path, { signal, onWait: () => expect.fail("waited") })
    expect(await lock.held()).to.equal(true)
    await lock.release()
    expect(await readdir(join(folder, "locks"))).to.deep.equal([])
  })

  it("leaves taking over to another process that is about it", async () => {
    await deadHolder({ start: "1", token: "aaaaaaaaaaaaaaaa" })
    await writeFile(`${path}.aaaaaaaaaaaaaaaa`, JSON.stringify(await thisHolder()))
    expect(await tryLock(path)).to.equal(undefined)
    expect(await readFile(path, "utf8")).to.contain("aaaaaaaaaaaaaaaa")
  })

  it("is not taken from somebody who has it anew since it was looked at", async () => {
    const first = await acquireLock(path, { signal })
    const seen = (await readRecord(path))?.token ?? ""
    await first.release()
    const second = await acquireLock(path, { signal })
    expect(await removeClaimed(path, seen, await thisHolder(), 10)).to.equal(false)
    expect(await second.held()).to.equal(true)
    await second.release()
    expect(await readdir(join(folder, "locks"))).to.deep.equal([])
  })

  it("is kept by its heartbeat, which comes well before others may take over", async () => {
    mock.timers.enable({ apis: ["setInterval"] })
    try {
      const lock = await acquireLock(path, { signal })
      const old = Date.now() / 1000 - 40
      await utimes(path, old, old)
      mock.timers.tick(15_000)
      while ((await stat(path)).mtimeMs < Date.now() - 30_000) await sleep(5)
      expect(await lock.held()).to.equal(true)
      await lock.release()
    } finally {
      mock.timers.reset()
    }
  })

  it("is lost, and says so, when somebody else took over; releasing then leaves the new holder alone", async () => {
    const first = await acquireLock(path, { signal })
    const old = Date.now() / 1000 - 46
    await utimes(path, old, old)
    const second = await acquireLock(path, { signal })
    expect(await first.held()).to.equal(false)
    await first.release()
    expect(await second.held()).to.equal(true)
    await second.release()
  })

  it("survives that the folder is wiped by hand", async () => {
    const lock = await acquireLock(path, { signal })
    await rm(join(folder, "locks"), { recursive: true })
    expect(await lock.held()).to.equal(false)
    await lock.release()
    const again = await acquireLock(path, { signal })
    await again.release()
  })

  it("says what to do where it can't be written", async () => {
    await writeFile(join(folder, "file"), "")
    const error: unknown = await acquireLock(join(folder, "file", "x.lock"), { signal }).catch(
      (reason: unknown) => reason,
    )
    expect(error).to.have.property("code", "STORAGE_FAILED")
    expect(error).to.have.property("message").that.includes("Cannot lock").and.includes("is a file, not a folder")
  })

  it("tells of a folder or a link to nothing in its place, and waits for neither", async () => {
    const ends = AbortSignal.timeout(10_000)
    await mkdir(path, { recursive: true })
    const folderError = await rejection(acquireLock(path, { signal: ends }))
    expect(folderError).to.include({ code: "STORAGE_FAILED", exitStatus: 6 })
    expect(folderError.message).to.equal(`Cannot lock "${path}": a folder has the place of a file`)
    await rm(path, { recursive: true })
    await symlink("nowhere", path)
    for (const taken of [acquireLock(path, { signal: ends }), tryLock(path)]) {
      const linkError = await rejection(taken)
      expect(linkError).to.include({ code: "STORAGE_FAILED", exitStatus: 6 })
      expect(linkError.message).to.equal(`Cannot lock "${path}": it is a symbolic link that leads nowhere`)
    }
    expect(await readlink(path)).to.equal("nowhere")
  })

  it("is taken over also when the clock was set back since the last heartbeat, and not from a holder that lives", async () => {
    const ahead = new Date(Date.now() + 3600_000)
    await deadHolder({ host: "elsewhere" })
    await utimes(path, ahead, ahead)
    const beating = setInterval(() => void utimes(path, ahead, (ahead.setSeconds(ahead.getSeconds() + 1), ahead)), 200)
    const waiting = acquireLock(path, { signal, staleAfterSeconds: 1 })
    const first = await Promise.race([waiting, sleep(3500)])
    clearInterval(beating)
    expect(first).to.equal(undefined)
    const lock = await waiting
    expect(await lock.held()).to.equal(true)
    await lock.release()
  }).timeout(20_000)
})
