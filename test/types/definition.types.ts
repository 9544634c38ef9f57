/** Checked by `tsc -p test/tsconfig.json`, never run: what must compile, and what must not. */
import {
  axis,
  concat,
  csv,
  datafolderPath,
  defineDataset,
  file,
  folder,
  googleStorageFolder,
  huggingFace,
  idx,
  keepLines,
  linkFolder,
  links,
  manual,
  merge,
  reference,
  Repository,
  step,
  supervised,
  tar,
  textFile,
  typed,
  wordEmbeddings,
  zip,
  type AnyDefinition,
  type Prepared,
  type SelectionOf,
} from "@datamaestro/dataset"

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
function holds<_T extends true>(): void {}

const digits = defineDataset({
  id: "org.example.digits",
  resources: { trainImages: file("https://example.org/a.gz"), trainLabels: file("https://example.org/b.gz") },
  describe: ({ trainImages, trainLabels }) => ({
    train: { images: idx(trainImages), labels: idx(trainLabels) },
    classes: 10,
  }),
})

declare const ds: Prepared<typeof digits>
holds<Same<typeof ds.train.images.path, string>>()
holds<Same<typeof ds.classes, number>>()
holds<Same<typeof ds.id, string>>()
// @ts-expect-error the dataset has no validation part
void ds.validation
// @ts-expect-error nor have the images a size
void ds.train.images.size

const vectors = defineDataset({
  id: "org.example.vectors",
  axes: {
    dim: axis([50, 100, 200, 300]),
    corpus: axis(["6B", "42B"], { default: "6B" }),
    seed: axis("integer", { default: null }),
  },
  resources: ({ corpus }) => ({ all: zip(`https://example.org/${corpus}.zip`) }),
  describe: ({ all }, { dim, corpus, seed }) => {
    holds<Same<typeof dim, 50 | 100 | 200 | 300>>()
    holds<Same<typeof corpus, "6B" | "42B">>()
    holds<Same<typeof seed, number | null>>()
    return wordEmbeddings(all.join(`glove.${corpus}.${dim}d.txt`))
  },
})

type VectorSelection = SelectionOf<typeof vectors>
const select = (selection: VectorSelection): VectorSelection => selection
select({ dim: 50 })
select({ dim: 300, corpus: "42B", seed: 7 })
select({ dim: 300, seed: null })
// @ts-expect-error 60 is outside the domain
select({ dim: 60 })
// @ts-expect-error dim has no default
select({})
// @ts-expect-error there is no axis of that name
select({ dim: 50, size: 3 })
// @ts-expect-error a corpus is a string
select({ dim: 50, corpus: 6 })
// @ts-expect-error the default is outside the domain
axis(["6B", "42B"], { default: "7B" })
// @ts-expect-error no open axis has that type
axis("date")

reference(digits)
reference(() => digits)
reference(async () => Promise.resolve(digits))
reference(vectors, { dim: 50 })
reference({ id: "org.example.elsewhere", repository: "other" }, { dim: 1 })
// @ts-expect-error dim must be selected
reference(vectors)
// @ts-expect-error 60 is outside the domain
reference(vectors, { dim: 60 })
// @ts-expect-error it has no axes
reference(digits, { dim: 50 })

const derived = defineDataset({
  id: "org.example.derived",
  resources: {
    source: reference(vectors, { dim: 50 }),
    labelled: reference(digits),
    elsewhere: reference({ id: "org.example.elsewhere" }),
    table: datafolderPath("large", "sub/file.csv"),
    raw: tar("https://example.org/raw.tar"),
    vocab: step({
      from: ["raw", "source"],
      name: "vocab.txt",
      async run({ input, output, signal, progress }) {
        holds<Same<typeof input, Readonly<Record<"raw" | "source", string>>>>()
        holds<Same<typeof output, string>>()
        holds<Same<typeof signal, AbortSignal>>()
        // @ts-expect-error it does not read the table
        void input.table
        progress(0.5)
        await Promise.resolve()
      },
    }),
  },
  describe: ({ source, labelled, elsewhere, table, raw, vocab }) => {
    // @ts-expect-error labelled digits are no single file or folder
    labelled.path.join("x")
    // @ts-expect-error they have no such resource
    void labelled.resources.testImages
    return {
      words: textFile(source.path),
      archive: folder(source.resources.all),
      whole: labelled.value,
      other: textFile(elsewhere.path.join("a.txt")),
      rows: csv(table),
      bare: raw.join("x/y.txt"),
      vocab,
      list: [textFile(vocab)],
      own: typed("Own", { rate: 3 }),
    }
  },
})
declare const prepared: Prepared<typeof derived>
holds<Same<typeof prepared.words.path, string>>()
holds<Same<typeof prepared.whole.train.images.path, string>>()
holds<Same<typeof prepared.bare, string>>()
holds<Same<(typeof prepared.list)[number]["path"], string>>()
holds<Same<typeof prepared.rows.names_row, number | undefined>>()
holds<Same<typeof prepared.own.rate, number>>()

defineDataset({
  id: "org.example.misspelled",
  resources: { data: file("https://example.org/a") },
  // @ts-expect-error there is no resource of that name
  describe: ({ dta }) => textFile(dta),
})
defineDataset({
  id: "org.example.nothing",
  resources: { data: file("https://example.org/a") },
  // @ts-expect-error a date is neither JSON nor a path
  describe: () => ({ made: new Date() }),
})
// @ts-expect-error something must be learnt from
supervised({ test: { path: 1 } })

const assembled = defineDataset({
  id: "org.example.assembled",
  resources: {
    source: reference(digits),
    all: links(["source"]),
    tapes: linkFolder([datafolderPath("tapes", "Disk1"), "~/tapes/Disk1"], { check: { glob: "*/AP*", md5: "00" } }),
    joined: concat(tar("https://example.org/a.tar"), { name: "all.txt", transforms: [keepLines(/x/)] }),
    together: merge([tar("https://example.org/a.tar"), zip("https://example.org/b.zip")]),
    bucket: googleStorageFolder("gs://bucket/folder", { mirrors: zip("https://example.org/b.zip") }),
    form: manual("https://example.org/form", { name: "a.zip", unpack: "zip" }),
    hub: huggingFace("owner/name", "a.jsonl", { revision: "v1" }),
    made: step({ from: ["tapes", "joined"], name: "made.txt", run: async ({ input }) => void input.tapes }),
  },
  describe: ({ source, all, tapes, joined, together, bucket, form, hub, made }) => ({
    digits: source.value,
    parts: [all, tapes, together, bucket, form].map((path) => folder(path)),
    texts: [joined, hub, made].map((path) => textFile(path)),
  }),
})
declare const put: Prepared<typeof assembled>
holds<Same<(typeof put.parts)[number]["path"], string>>()
// @ts-expect-error a sum of a folder needs the glob of what it is of
linkFolder("/x", { check: { md5: "00" } })
// @ts-expect-error the file needs a name
concat(tar("https://example.org/a.tar"), {})
// @ts-expect-error only archives have members
concat(file("https://example.org/a"), { name: "a" })
// @ts-expect-error nothing else can be unpacked
manual("https://example.org", { unpack: "rar" })

const any: AnyDefinition[] = [digits, vectors, derived, assembled]
void any

export class Mine extends Repository {
  static override readonly NAMESPACE = "mine"
  static override readonly DESCRIPTION = "All kinds of definitions fit"
  static override readonly datasets = {
    "org.example.digits": () => digits,
    "org.example.vectors": async () => Promise.resolve(vectors),
    "org.example.derived": async () => Promise.resolve(derived),
  }
}
