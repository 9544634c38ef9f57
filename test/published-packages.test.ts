import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { expect } from "chai"

const packages = fileURLToPath(new URL("../packages", import.meta.url))

describe("a package's exports", () => {
  for (const name of readdirSync(packages)) {
    // A project with a condition of that name, which many have for their own sources, would be led to files that aren't published.
    it(`lead nobody else to what ${name} does not publish`, () => {
      const manifest = JSON.parse(readFileSync(join(packages, name, "package.json"), "utf8")) as {
        exports: Record<string, string | Record<string, string>>
        files?: string[]
        private?: boolean
      }
      const { files = [] } = manifest
      if (manifest.private === true) return
      for (const target of Object.values(manifest.exports)) {
        if (typeof target === "string") continue
        for (const [condition, path] of Object.entries(target)) {
          if (condition.startsWith("@datamaestro/")) continue
          expect(
            files.some((file) => path.startsWith(`./${file}/`)),
            `${condition}: ${path}`,
          ).to.equal(true)
        }
      }
    })
  }
})
