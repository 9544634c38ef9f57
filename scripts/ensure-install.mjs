// The README's commands do their own set-up: in a fresh clone, install first.
import { existsSync } from "node:fs"
import { spawnSync } from "node:child_process"
import { fileURLToPath } from "node:url"

const root = fileURLToPath(new URL("..", import.meta.url))
if (!existsSync(new URL("../node_modules/.bin/tsx", import.meta.url))) {
  const npm = process.platform === "win32" ? "npm.cmd" : "npm"
  const { status } = spawnSync(npm, ["ci"], { cwd: root, stdio: ["ignore", 2, 2] })
  if (status !== 0) process.exit(status ?? 1)
}
