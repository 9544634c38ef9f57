import { encodeValue } from "../../../packages/agent/src/describe/encode-value.ts"
import { planDataset } from "../../../packages/agent/src/resolve/plan-dataset.ts"
import { finalPaths } from "../../../packages/agent/src/store/layout.ts"
import { mnist } from "../../../packages/repository-image/src/com.lecun.mnist.ts"
import { defineDataset, file, typed, zip } from "@datamaestro/dataset"
import { expect } from "chai"

const paths = { data: "/d", datasets: "/d/data", cache: "/d/cache", settings: "/d/settings.json" }

describe("encodeValue", () => {
  it("prints MNIST as the contract says, the id last", () => {
    const plan = planDataset(mnist, {}, "image")
    const value = encodeValue(plan, {
      encoder: "normal",
      pathOf: finalPaths({ paths, datafolders: {}, plans: [plan] }),
    })
    expect(JSON.stringify(value)).to.equal(
      '{"train":{"images":{"path":"/d/data/image/com/lecun/mnist/train_images.idx"},"labels":{"path":"/d/data/image/com/lecun/mnist/train_labels.idx"}},' +
        '"test":{"images":{"path":"/d/data/image/com/lecun/mnist/test_images.idx"},"labels":{"path":"/d/data/image/com/lecun/mnist/test_labels.idx"}},' +
        '"id":"com.lecun.mnist"}',
    )
  })

  const mixed = defineDataset({
    id: "org.x.mixed",
    resources: { data: zip("https://e.org/a.zip"), notes: file("https://e.org/n.txt") },
    describe: ({ data, notes }) =>
      typed("Mixed", {
        notes,
        parts: [data.join("a/b"), typed("Part", { path: data, count: 3 })],
        plain: { none: null, yes: true },
      }),
  })
  const plan = planDataset(mixed, {}, "text")
  const pathOf = finalPaths({ paths, datafolders: {}, plans: [plan] })
  const root = "/d/data/text/org/x/mixed"

  it("leaves types out of plain JSON", () => {
    expect(encodeValue(plan, { encoder: "normal", pathOf })).to.deep.equal({
      notes: `${root}/n.txt`,
      parts: [`${root}/a/b`, { path: root, count: 3 }],
      plain: { none: null, yes: true },
      id: "org.x.mixed",
    })
  })

  it("writes types and marked paths for xpm", () => {
    const path = (value: string): object => ({ $type: "path", $value: value })
    const value = encodeValue(plan, { encoder: "xpm", pathOf })
    expect(value).to.deep.equal({
      $type: "Mixed",
      notes: path(`${root}/n.txt`),
      parts: [path(`${root}/a/b`), { $type: "Part", path: path(root), count: 3 }],
      plain: { none: null, yes: true },
      id: "org.x.mixed",
    })
    expect(Object.keys(value as object).at(0)).to.equal("$type")
    expect(Object.keys(value as object).at(-1)).to.equal("id")
  })
})
