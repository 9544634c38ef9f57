import { expect } from "chai"
import { readFile } from "node:fs/promises"
import { isBuiltin } from "node:module"

describe("the command's bundle", () => {
  it("requires no package that its own package.json does not name", async () => {
    const controller = new URL("../../packages/controller/", import.meta.url)
    const bundle = await readFile(new URL("dist/cli.cjs", controller), "utf8")
    const { dependencies } = JSON.parse(await readFile(new URL("package.json", controller), "utf8")) as {
      dependencies: Record<string, string>
    }
    const required = new Set([...bundle.matchAll(/\brequire\("([^".][^"]*)"\)/g)].map(([, name = ""]) => name))
    // ssh2 tries cpu-features and lives without.
    const packages = [...required].filter((name) => !isBuiltin(name) && name !== "cpu-features")
    expect(packages).to.include("undici")
    expect(Object.keys(dependencies)).to.include.members(packages)
  })
})
