import { expect } from "chai"
import * as words from "@datamaestro/dataset"
import {
  axis,
  defineDataset,
  file,
  isDefinitionError,
  md5,
  planResources,
  reference,
  symbolicPath,
  tar,
  textFile,
  type Resource,
} from "@datamaestro/dataset"

const TEXT = "https://e.org/a.txt"
const TAR = "https://e.org/a.tar"
const SUM = md5("0".repeat(32))
const PATH = symbolicPath({ repository: "r", dataset: "org.x", resource: "data", segments: [] })
const PART = { a: PATH }

const asResource = (resource: unknown): void => {
  const resources = { other: file("https://e.org/other"), ref: reference({ id: "org.y" }), r: resource as Resource }
  planResources("org.x", resources, {
    reference: () => ({ id: "org.y", repository: "r" }),
    input: (_key, name) => ({ $path: { repository: "r", dataset: "org.x", resource: name, segments: [] } }),
  })
}
const asSum = (sum: unknown): void => asResource(file(TEXT, { integrity: sum as never }))
const asTransform = (transform: unknown): void => asResource(file(TEXT, { transforms: [transform as never] }))
const asPieces = (cut: unknown): void => asResource(tar(cut as never))
const asAxis = (made: unknown): void =>
  void defineDataset({ id: "org.x", axes: { x: made as never }, resources: {}, describe: () => ({}) })
const asIs = (): void => {}

/** Each word with arguments that it takes, and where what it makes is looked at. */
const TAKEN: [string, readonly unknown[], (made: unknown) => void][] = [
  ["file", [TEXT, { name: "n", integrity: SUM, size: 3, gunzip: true, transient: true }], asResource],
  ["tar", [TAR, { integrity: SUM, size: 3, strip: 1, include: ["a"], files: ["a"], subpath: "x" }], asResource],
  ["zip", [TAR, { into: "y" }], asResource],
  ["concat", [tar(TAR), { name: "n", integrity: SUM, transforms: [], transient: true }], asResource],
  ["merge", [[tar(TAR)], { into: "x" }], asResource],
  ["googleStorageFolder", ["gs://bucket/f", { mirrors: tar(TAR), into: "x" }], asResource],
  ["wayback", ["other", { name: "n", timestamp: "20200101", host: "https://e.org", transient: true }], asResource],
  ["huggingFace", ["a/b", "c.txt", { revision: "r", type: "models", name: "n" }], asResource],
  ["datafolderPath", ["large", "p"], asResource],
  ["links", [["ref"], { name: "n" }], asResource],
  ["linkFolder", ["/a", { name: "n", check: { glob: "*", md5: "0".repeat(32) } }], asResource],
  ["linkFile", ["/a", { name: "n", integrity: SUM }], asResource],
  ["manual", ["https://e.org/", { name: "n.zip", unpack: "zip", instructions: "i", integrity: SUM }], asResource],
  ["step", [{ from: ["other"], name: "n", version: "1", transient: true, run: async () => {} }], asResource],
  ["md5", ["0".repeat(32), "output"], asSum],
  ["replaceInLines", [/a/, "b"], asTransform],
  ["keepLines", [/a/], asTransform],
  ["pieces", [[{ url: TAR, size: 3, integrity: SUM }]], asPieces],
  ["axis", [["a", "b"], { default: "a", inId: true, elideDefault: true }], asAxis],
  ["textFile", [PATH], asIs],
  ["wordEmbeddings", [PATH], asIs],
  ["csv", [PATH, { namesRow: 0, delimiter: ",", ignore: 1, target: "x" }], asIs],
  ["matrix", [PATH, { target: 3 }], asIs],
  ["labelledImages", [{ images: PART, labels: PART }], asIs],
  ["supervised", [{ train: PART, validation: PART, test: PART }], asIs],
  ["textClassificationFolder", [PATH, ["pos", "neg"]], asIs],
  ["typed", ["T", {}], asIs],
  ["datasetFamily", ["org.x", ["a"], async () => ({ datasets: [] })], asIs],
  [
    "defineDataset",
    [
      {
        id: "org.x",
        name: "n",
        url: "https://e.org",
        tags: ["a"],
        tasks: [],
        agreement: { id: "terms", text: "t" },
        timestamp: true,
        axes: {},
        resources: {},
        describe: () => ({}),
      },
    ],
    asIs,
  ],
]
/** Where `null` is as good as nothing, or told when the value is planned, with its place in that. */
const NOTHING = new Set([
  "textFile",
  "wordEmbeddings",
  "csv",
  "matrix",
  "textFile 0",
  "wordEmbeddings 0",
  "csv 0",
  "matrix 0",
  "textClassificationFolder 0",

  "tar 1.strip",
  "concat 1.transforms",
  "wayback 1.host",
  "defineDataset 0.tags",
  "defineDataset 0.tasks",
])

describe("the words of definitions, of what only JavaScript lets pass,", () => {
  const made = (word: string, args: readonly unknown[]): unknown =>
    (words as unknown as Record<string, (...args: readonly unknown[]) => unknown>)[word]?.(...args)
  const thrown = (act: () => unknown): unknown => {
    try {
      return void act()
    } catch (error) {
      return error
    }
  }

  for (const [word, args, look] of TAKEN) {
    it(`tell with a message of their own what is wrong: ${word}`, () => {
      expect(thrown(() => look(made(word, args)))).to.equal(undefined)
      const check = (place: string, given: readonly unknown[]): void => {
        const error = thrown(() => look(made(word, given)))
        expect(isDefinitionError(error), `${word} ${place}: ${(error as Error | undefined)?.message}`).to.equal(true)
      }
      if (!NOTHING.has(word)) check("without arguments", [])
      for (const [at, argument] of args.entries()) {
        for (const odd of NOTHING.has(`${word} ${at}`) ? [NaN] : [null, NaN]) check(`${at} ${odd}`, args.with(at, odd))
        if (Object.getPrototypeOf(argument) !== Object.prototype || hasMark(argument)) continue
        for (const field of Object.keys(argument as object)) {
          for (const odd of NOTHING.has(`${word} ${at}.${field}`) ? [NaN] : [null, NaN]) {
            check(`${at}.${field} ${odd}`, args.with(at, { ...(argument as object), [field]: odd }))
          }
        }
      }
    })
  }

  const told: [() => unknown, string][] = [
    [() => file(TEXT, { transient: "no" as never }), 'file.transient: it must be true or false, not "no"'],
    [() => words.step({ ...stepOptions(), version: 2 as never }), "step.version: it must be a text, not 2"],
    [() => asResource(tar(null as never)), "resources.r.url: null is no URL"],
    [
      () => words.huggingFace("a/b", undefined as never),
      "huggingFace.path: it must be a non-empty text, not undefined",
    ],
    [
      () => words.huggingFace("a/b", "c", { type: "dataset" as never }),
      'huggingFace.type: it must be one of "datasets", "models", "spaces", not "dataset"',
    ],
    [() => defineDataset(undefined as never), "defineDataset: undefined is no object with its fields"],
    [() => axis([1], { inId: 0 as never }), "axis.inId: it must be true or false, not 0"],
    [
      () => asResource(words.datafolderPath(undefined as never)),
      "resources.r.folder: undefined is no data folder's key",
    ],
    [
      () => textFile("a.txt" as never),
      'textFile.path: it must be a path, as a resource is in describe, or a reference\'s .path, not "a.txt"',
    ],
    [() => PATH.join(3 as never), "describe: join: 3 is no path"],
    [() => words.supervised({ tain: PART } as never), "supervised.train: it must be an object, not undefined"],
    [
      () => defineDataset({ id: "org.x", timestamp: "yes", resources: {}, describe: () => ({}) } as never),
      'timestamp: it must be true or false, not "yes"',
    ],
  ]
  for (const [act, message] of told) {
    it(`say: ${message}`, () => {
      const error = thrown(act)
      expect(isDefinitionError(error)).to.equal(true)
      const { field, reason } = error as words.DefinitionError
      expect(`${field}: ${reason}`).to.include(message)
    })
  }
})

/** Resources and paths are made with words of their own. */
function hasMark(argument: unknown): boolean {
  return Object.getOwnPropertySymbols(argument).length > 0
}

function stepOptions(): words.StepOptions<never> {
  return { from: [], name: "n", run: async () => {} }
}
