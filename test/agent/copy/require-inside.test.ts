import { expect } from "chai"
import { DatamaestroError, type CopiedResource } from "@datamaestro/protocol"
import { requireInside } from "../../../packages/agent/src/copy/require-inside.ts"

describe("what another machine says that it has", () => {
  const copied = (given: Partial<CopiedResource>): CopiedResource => ({
    entries: [],
    files: [],
    links: [],
    folders: [],
    ...given,
  })
  const file = (path: string): CopiedResource["files"][number] => ({ path, bytes: 1, sha256: "" })

  it("may have files, folders and links inside of the dataset's folder", () => {
    const links = [{ path: "a/link", to: "../b/file" }]
    requireInside(copied({ entries: ["a", "b"], files: [file("b/file")], folders: ["a/empty"], links }))
  })

  for (const [what, given] of Object.entries<Partial<CopiedResource>>({
    "a file outside": { files: [file("../file")] },
    "a file outside, seen once its path is made plain": { files: [file("a/../../file")] },
    "an absolute file": { files: [file("/etc/passwd")] },
    "a folder outside": { folders: [".."] },
    "the dataset's folder itself": { entries: ["."] },
    "an entry outside": { entries: ["a/../.."] },
    "a link outside": { links: [{ path: "../link", to: "b" }] },
    "a link that leads outside": { links: [{ path: "a/link", to: "../../b" }] },
    "a link that leads outside by another": {
      links: [
        { path: "a/b/up", to: ".." },
        { path: "out", to: "a/b/up/../../c" },
      ],
    },
    "a file through a link": { links: [{ path: "a", to: "b" }], files: [file("a/file")] },
    "a file through a link, however the link is written": {
      links: [{ path: "x/../a", to: "b" }],
      files: [file("a/file")],
    },
    "two links of one name": {
      links: [
        { path: "a", to: "b" },
        { path: "./a", to: "c" },
      ],
    },
  })) {
    it(`is refused: ${what}`, () => {
      expect(() => requireInside(copied(given)))
        .to.throw(DatamaestroError, /^Cannot copy /)
        .with.property("code", "UNSAFE_ARCHIVE")
    })
  }
})
