import { encodeValue } from "../../packages/agent/src/describe/encode-value.ts"
import { RepositoryIndex } from "../../packages/agent/src/repositories/repository-index.ts"
import { preparationOrder, resolveDataset } from "../../packages/agent/src/resolve/resolve-dataset.ts"
import { finalPaths } from "../../packages/agent/src/store/layout.ts"
import { expect } from "chai"
import { declaredRepository as declared } from "../helpers/declared-repository.ts"

const paths = { data: "/d", datasets: "/d/data", cache: "/d/cache", settings: "/d/settings.json" }

const at = (folder: string, name: string, more: object = {}): object => ({
  path: `/d/data/${folder}/${name}`.replace(/\/$/, ""),
  ...more,
})
const headed = { names_row: 0 }
const mnist = (part: string): object => ({
  images: at("image/com/lecun/mnist", `${part}_images.idx`),
  labels: at("image/com/lecun/mnist", `${part}_labels.idx`),
})

/** What each dataset's value looks like, without its id. */
const VALUES: Readonly<Record<string, object>> = {
  "com.lecun.mnist@image": { train: mnist("train"), test: mnist("test") },
  "com.sentiment140.english@text": {
    train: at("text/com/sentiment140/english", "training.1600000.processed.noemoticon.csv"),
    test: at("text/com/sentiment140/english", "testdata.manual.2009.06.14.csv"),
  },
  "edu.stanford.aclimdb@text": {
    train: at("text/edu/stanford/aclimdb", "train", { classes: ["neg", "pos"] }),
    test: at("text/edu/stanford/aclimdb", "test", { classes: ["neg", "pos"] }),
  },
  "edu.stanford.glove.6b@text": at("text/edu/stanford/glove/6b", ""),
  "edu.stanford.glove.6b.50@text": at("text/edu/stanford/glove/6b", "glove.6B.50d.txt"),
  "edu.stanford.glove.6b.100@text": at("text/edu/stanford/glove/6b", "glove.6B.100d.txt"),
  "edu.stanford.glove.6b.200@text": at("text/edu/stanford/glove/6b", "glove.6B.200d.txt"),
  "edu.stanford.glove.6b.300@text": at("text/edu/stanford/glove/6b", "glove.6B.300d.txt"),
  "io.metamind.research.wikitext.2.raw@text": {
    train: at("text/io/metamind/research/wikitext/2/raw", "wiki.train.raw"),
    validation: at("text/io/metamind/research/wikitext/2/raw", "wiki.valid.raw"),
    test: at("text/io/metamind/research/wikitext/2/raw", "wiki.test.raw"),
  },
  "org.grouplens.movielens.small@text": Object.fromEntries(
    ["ratings", "links", "movies", "tags"].map((name) => [
      name,
      at("text/org/grouplens/movielens/small", `${name}.csv`, headed),
    ]),
  ),
  "edu.uci.boston@ml": at("ml/edu/uci/boston", "data.csv", { ...headed, ignore: 1, target: "MEDV" }),
}

describe("the first repositories", () => {
  let index: RepositoryIndex
  before(async () => {
    index = new RepositoryIndex(await Promise.all(["image", "text", "ml"].map(declared)))
  })

  for (const [selector, value] of Object.entries(VALUES)) {
    it(`describe ${selector}`, async () => {
      const dataset = await resolveDataset(selector, index)
      const plans = preparationOrder(dataset).map(({ plan }) => plan)
      const pathOf = finalPaths({ paths, datafolders: {}, plans })
      expect(encodeValue(dataset.plan, { encoder: "normal", pathOf })).to.deep.equal({ ...value, id: dataset.plan.id })
      expect(dataset.definition.description).to.be.a("string").with.length.above(40)
      expect(encodeValue(dataset.plan, { encoder: "xpm", pathOf })).to.have.property("$type")
    })
  }

  it("have MNIST's files as they are published, checked by the MD5 of what is decompressed", async () => {
    const { plan, definition } = await resolveDataset("mnist", index)
    expect(definition).to.deep.include({ tags: ["images"], tasks: ["image classification"] })
    const files = [
      ["train_images", "train-images-idx3-ubyte.gz", "6bbc9ace898e44ae57da46a324031adb"],
      ["train_labels", "train-labels-idx1-ubyte.gz", "a25bea736e30d166cdddb491f175f624"],
      ["test_images", "t10k-images-idx3-ubyte.gz", "2646ac647ad5339dbf082846283269ea"],
      ["test_labels", "t10k-labels-idx1-ubyte.gz", "27ae3e4e09519cfbb04c329615203637"],
    ] as const
    expect(plan.resources).to.deep.equal(
      files.map(([name, published, hex]) => ({
        kind: "file",
        name,
        download: {
          urls: [
            `https://ossci-datasets.s3.amazonaws.com/mnist/${published}`,
            `https://storage.googleapis.com/cvdf-datasets/mnist/${published}`,
          ],
          integrity: [{ algorithm: "md5", hex, of: "output" }],
        },
        target: `${name}.idx`,
        transforms: [{ kind: "gunzip" }],
        transient: false,
      })),
    )
  })

  it("load from what is built, by what package.json says", async function () {
    for (const id of ["image", "text", "ml", "ir"]) {
      const location = await declared(id)
      const path = location.module.kind === "file" ? location.module.path : ""
      const built = {
        ...location,
        module: { kind: "file" as const, path: path.replace("/src/", "/dist/").replace(/\.ts$/, ".js") },
      }
      const { datasets } = await new RepositoryIndex([built]).repository(id)
      for (const [name, load] of datasets) expect((await load()).id).to.equal(name)
    }
  })
})
