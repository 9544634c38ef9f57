/** Takes and gives back a lock many times; whoever finds another inside says so. Arguments: lock, folder, rounds, hold. */
import { open, rm } from "node:fs/promises"
import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { acquireLock } from "../../../packages/agent/src/store/lock.ts"

const [path = "", folder = "", rounds = "1", hold = "0"] = process.argv.slice(2)
const inside = join(folder, "inside")
const log = await open(join(folder, "log"), "a")
for (let round = 0; round < Number(rounds); round++) {
  const lock = await acquireLock(path, { signal: new AbortController().signal })
  if (hold === "forever") {
    process.stdout.write("held\n")
    await sleep(600_000)
  }
  const mark = await open(inside, "wx").catch(() => undefined)
  await log.write(mark === undefined ? "COLLISION\n" : "in\n")
  await sleep(Math.random() * Number(hold))
  await mark?.close()
  await rm(inside, { force: true })
  if (!(await lock.held())) await log.write("LOST\n")
  await lock.release()
}
await log.close()
