import { expect } from "chai"
import { symlink } from "node:fs/promises"
import { join } from "node:path"
import { DatamaestroError } from "@datamaestro/protocol"
import { storageError } from "../../../packages/agent/src/store/storage-error.ts"
import { temporaryFolder } from "../../helpers/ssh-client-files.ts"

describe("an error of the storage", () => {
  const told = (facts: object): string => {
    const error = storageError(Object.assign(new Error("it failed"), facts), 'write "/data/x"')
    return error instanceof DatamaestroError ? `${error.code} ${error.message}` : "as it was"
  }

  it("is told by what was tried, and why not", () => {
    expect(told({ code: "EACCES" })).to.equal('PERMISSION_DENIED Cannot write "/data/x": permission denied')
    expect(told({ code: "ENOENT", syscall: "mkdir" })).to.match(/no folder can be made there$/)
    expect(told({ code: "EBUSY", syscall: "rename" })).to.match(/^STORAGE_FAILED .*: it is in use, as a place is where/)
    for (const code of ["EEXIST", "ENOTEMPTY"]) {
      expect(told({ code, syscall: "rename" })).to.match(
        /^STORAGE_FAILED .*: the storage says that its new name is taken$/,
      )
      expect(told({ code, syscall: "rmdir" })).to.match(
        /^STORAGE_FAILED .*: the storage says that the folder is not empty$/,
      )
      expect(told({ code, syscall: "open" })).to.equal("as it was")
    }
    expect(told({ code: "EXDEV", syscall: "rename" })).to.match(/^STORAGE_FAILED .* on another file system/)
    expect(told({ code: "ERR_WORKER_INIT_FAILED" })).to.match(/^STORAGE_FAILED .*starts no more threads or processes/)
    expect(told({ code: "ENOENT", syscall: "open" })).to.equal("as it was")
    expect(told({})).to.equal("as it was")
  })

  it("sends nobody to permissions where it is not for those (EPERM)", () => {
    const [owner, immutable] = ["EACCES", "EPERM"].map((code) => {
      const error = storageError(Object.assign(new Error("it failed"), { code }), "write it")
      return error instanceof DatamaestroError ? error.hint : undefined
    })
    expect(owner).to.match(/^check the owner and the permissions/)
    expect(immutable).to.include("`lsattr`").and.include("mounts of object stores").and.not.include("permissions")
  })

  it("names what a file system takes for no name, and tells what it can't do", () => {
    const facts = { code: "EINVAL", path: "/data/a:b" }
    const reason = 'STORAGE_FAILED Cannot write "/data/x": this file system takes no "a:b" as a name'
    expect(told({ ...facts, syscall: "open" })).to.equal(reason)
    expect(told({ ...facts, code: "EILSEQ", syscall: "mkdir" })).to.equal(reason)
    expect(told({ ...facts, path: "/data/b", dest: "/data/a:b", syscall: "rename" })).to.equal(reason)
    expect(told({ ...facts, syscall: "read" })).to.equal("as it was")
    expect(told({ code: "ENOSYS" })).to.equal("as it was")
    expect(told({ code: "ENOSYS", syscall: "symlink" })).to.match(/takes no symbolic links$/)
    expect(told({ code: "EIO", syscall: "symlink" })).to.match(
      /input\/output error where a symbolic link was to be made/,
    )
    expect(told({ code: "ENOSYS", syscall: "rename" })).to.match(/: this file system can't do that \(rename\)$/)
  })

  it("tells a link that leads nowhere from a file where a folder is to be made", async () => {
    const folder = await temporaryFolder()
    try {
      const facts = { code: "EEXIST", syscall: "mkdir" }
      const path = join(folder.path, "data")
      await symlink("/scratch/purged", path)
      expect(told({ ...facts, path })).to.equal(
        `STORAGE_FAILED Cannot write "/data/x": "${path}" is a link to "/scratch/purged", which is no folder, or not there`,
      )
      expect(told({ ...facts, path: folder.path })).to.match(/: a file has its name$/)
    } finally {
      await folder.remove()
    }
  })

  it("is one of files where a file is to be made, and there are bytes", async () => {
    const folder = await temporaryFolder()
    try {
      const path = join(folder.path, "not", "there")
      expect(told({ code: "ENOSPC", syscall: "open", path })).to.match(/out of inodes/)
      expect(told({ code: "ENOSPC", syscall: "write", path })).to.match(/no space left on the device$/)
      expect(told({ code: "ENOSPC", syscall: "open" })).to.match(/no space left on the device$/)
    } finally {
      await folder.remove()
    }
  })

  it("may be one of files where a quota is used up and a file is to be made", () => {
    expect(told({ code: "EDQUOT", syscall: "mkdir", path: "/data" })).to.match(/of space or of files/)
    expect(told({ code: "EDQUOT", syscall: "write", path: "/data" })).to.match(/your disk quota is used up$/)
    expect(told({ code: "EDQUOT", syscall: "mkdir" })).to.match(/your disk quota is used up$/)
  })

  it("tells a name that is too long, which no other data directory helps, from a path that is", () => {
    const facts = { code: "ENAMETOOLONG", syscall: "open" }
    expect(told({ ...facts, path: join("/data", "ab".repeat(150)) })).to.equal(
      `STORAGE_FAILED Cannot write "/data/x": the name "${"ab".repeat(20)}…" has 300 bytes, most file systems take 255`,
    )
    expect(told({ ...facts, path: join("/data", ...Array.from({ length: 50 }, () => "ab".repeat(60))) })).to.match(
      /: the name is too long for this file system$/,
    )
  })
})
