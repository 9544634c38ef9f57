import { DatamaestroError } from "@datamaestro/protocol"
import { expect } from "chai"
import { RepositoryIndex } from "../../../packages/agent/src/repositories/repository-index.ts"
import { findDataset } from "../../../packages/agent/src/resolve/find-dataset.ts"
import { PluginPackages } from "../../helpers/plugin-packages.ts"
import { rejection } from "../../helpers/rejection.ts"

describe("findDataset", () => {
  it("does not call a dataset unknown that may be where this machine can't read", async () => {
    await using plugins = await PluginPackages.create()
    const location = await plugins.addDatasets("text", {})
    const index = new RepositoryIndex([location], {
      modulePath: () => Promise.reject(new DatamaestroError("STORAGE_FAILED", "too many open files")),
    })
    expect(await rejection(findDataset("org.x", index))).to.have.property("code", "STORAGE_FAILED")
  })
})
