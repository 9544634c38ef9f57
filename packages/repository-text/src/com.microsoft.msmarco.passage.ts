import {
  defineDataset,
  file,
  folder,
  md5,
  reference,
  tar,
  typed,
  type DatasetFacts,
  type DescribedObject,
  type SymbolicPath,
} from "@datamaestro/dataset"

/*
 * The MS MARCO passages as this repository had them before `ir` took over information retrieval. The ids stay for
 * those who use them; new work is better served by those of `ir`.
 */

const PREFIX = "com.microsoft.msmarco.passage"
const HOMEPAGE = "https://github.com/microsoft/MSMARCO-Passage-Ranking"
const RERANKING = { tasks: ["information retrieval", "passage retrieval"] }
const track = (year: number): string => `https://microsoft.github.io/msmarco/TREC-Deep-Learning-${year}.html`

/** Where Microsoft serves the sets since the blob storage refuses the public. */
const HOST = "https://msmarco.z22.web.core.windows.net/msmarcoranking"

const facts = (id: string, description: string) => ({
  id: `${PREFIX}.${id}`,
  name: `MS MARCO passages: ${id.replaceAll(".", " ")}`,
  description,
  agreement: { id: "net.windows.msmarco", url: "http://www.msmarco.org/dataset.aspx" },
})

const topics = (path: SymbolicPath): { readonly path: SymbolicPath } => typed("Topics", { path })
const assessments = (path: SymbolicPath): { readonly path: SymbolicPath } => typed("TrecAdhocAssessments", { path })
const triples = <F extends DescribedObject>(fields: F): F => typed("TrainingTripletsLines", fields)

const collectionAndQueries = defineDataset({
  ...facts(
    "collection.etc",
    "The archive with the 8.8 million passages, the queries of all parts, and the judgements of the small ones.",
  ),
  url: HOMEPAGE,
  resources: {
    data: tar(`${HOST}/collectionandqueries.tar.gz`, {
      integrity: md5("31644046b18952c1386cd4564ba2ae69"),
      size: 1_057_717_952,
    }),
  },
  describe: ({ data }) => folder(data),
})

const collection = defineDataset({
  ...facts("collection", "The 8.8 million passages of MS MARCO, one a line: id and text."),
  size: "2.9GB",
  resources: { data: reference(collectionAndQueries) },
  describe: ({ data }) => typed("Documents", { path: data.path.join("collection.tsv") }),
})

const smallQueries = defineDataset({
  ...facts("dev.small.queries", "The 6 980 queries of the small development set: id and text."),
  url: HOMEPAGE,
  resources: { data: reference(collectionAndQueries) },
  describe: ({ data }) => topics(data.path.join("queries.dev.small.tsv")),
})

const smallQrels = defineDataset({
  ...facts("dev.small.qrels", "The passages that answer the queries of the small development set."),
  url: HOMEPAGE,
  resources: { data: reference(collectionAndQueries) },
  describe: ({ data }) => assessments(data.path.join("qrels.dev.small.tsv")),
})

const tripleIds = defineDataset({
  ...facts("train.idtriples", "Training triples by id: query, a passage that answers it, one that does not."),
  url: HOMEPAGE,
  size: "5.7GB",
  resources: {
    TRIPLES: file(`${HOST}/qidpidtriples.train.full.2.tsv.gz`, {
      name: "triples.tsv",
      integrity: [md5("4e58f45f82f3fe99e3239ecffd8ed371"), md5("219083e80a0a751c08b968c2f31a4e0b", "download")],
      size: 1_841_693_309,
    }),
  },
  describe: ({ TRIPLES }) => triples({ path: TRIPLES, doc_ids: true, topic_ids: true }),
})

const smallTriples = defineDataset({
  ...facts("train.texttriples.small", "A selection of the training triples as texts."),
  url: HOMEPAGE,
  size: "27.1GB",
  resources: {
    TRIPLES: tar(`${HOST}/triples.train.small.tar.gz`, {
      integrity: md5("c13bf99ff23ca691105ad12eab837f84"),
      size: 7_930_881_353,
      files: ["triples.train.small.tsv"],
    }),
  },
  describe: ({ TRIPLES }) => triples({ path: TRIPLES.join("triples.train.small.tsv") }),
})

const fullTriples = defineDataset({
  ...facts("train.texttriple.full", "All training triples as texts: more than a quarter of a terabyte."),
  url: HOMEPAGE,
  size: "272.2GB",
  resources: {
    // Microsoft's own list has this size and sum beside a .tsv.gz, not a .tar.gz.
    TRIPLES: file(`${HOST}/triples.train.full.tsv.gz`, {
      name: "triples.tsv",
      integrity: md5("8d509d484ea1971e792b812ae4800c6f", "download"),
      size: 77_877_731_328,
    }),
  },
  describe: ({ TRIPLES }) => triples({ path: TRIPLES }),
})

interface Published {
  url: string
  bytes: number
  sums: Parameters<typeof md5>[]
}

const published = (name: string, { url, bytes, sums }: Published) =>
  file(url, { name, size: bytes, integrity: sums.map((sum) => md5(...sum)) })

const testQueries = (year: number, from: Published, more: Partial<DatasetFacts> = {}) =>
  defineDataset({
    ...facts(`trec${year}.test.queries`, `The 200 test queries of TREC's Deep Learning track in ${year}: id and text.`),
    ...more,
    resources: { QUERIES: published("queries.tsv", from) },
    describe: ({ QUERIES }) => topics(QUERIES),
  })

const testRun = (year: number, from: Published, more: Partial<DatasetFacts> = {}) =>
  defineDataset({
    ...facts(
      `trec${year}.test.run`,
      `The passages to rerank in TREC's Deep Learning track of ${year}, with all texts.`,
    ),
    ...more,
    resources: { RUN: published("run.tsv", from) },
    describe: ({ RUN }) => typed("AdhocRunWithText", { path: RUN }),
  })

const queries2019 = testQueries(2019, {
  url: `${HOST}/msmarco-test2019-queries.tsv.gz`,
  bytes: 4_276,
  sums: [["756e60d714cee28d3b552289d6272f1d"], ["eda71eccbe4d251af83150abe065368c", "download"]],
})
const run2019 = testRun(2019, {
  url: `${HOST}/msmarco-passagetest2019-top1000.tsv.gz`,
  bytes: 26_634_062,
  sums: [["ec9e012746aa9763c7ff10b3336a3ce1", "download"]],
})
const qrels2019 = defineDataset({
  ...facts("trec2019.test.qrels", "NIST's graded judgements for the passages of TREC's Deep Learning track in 2019."),
  resources: {
    QRELS: published("qrels.tsv", {
      url: "https://trec.nist.gov/data/deep/2019qrels-pass.txt",
      bytes: 187_092,
      sums: [["2f4be390198da108f6845c822e5ada14"]],
    }),
  },
  describe: ({ QRELS }) => assessments(QRELS),
})
const test2019 = defineDataset({
  ...facts(
    "trec2019.test",
    "The test collection of TREC's Deep Learning track in 2019: passages, queries, judgements.",
  ),
  ...RERANKING,
  url: track(2019),
  resources: { collection: reference(collection), topics: reference(queries2019), qrels: reference(qrels2019) },
  describe: ({ collection: documents, topics: searched, qrels }) =>
    typed("Adhoc", { documents: documents.value, topics: searched.value, assessments: qrels.value }),
})
const test2019WithRun = defineDataset({
  ...facts("trec2019.test.withrun", "The test collection of 2019 with the passages to rerank."),
  ...RERANKING,
  url: track(2019),
  resources: { trec2019: reference(test2019), run: reference(run2019) },
  describe: ({ trec2019, run }) => typed("RerankAdhoc", { ...trec2019.value, run: run.value }),
})

const queries2020 = testQueries(
  2020,
  {
    url: `${HOST}/msmarco-test2020-queries.tsv.gz`,
    bytes: 4_131,
    sums: [["52cf21f50b4842233d35933cbc26b179"], ["00a406fb0d14ed3752d70d1e4eb98600", "download"]],
  },
  { size: "12K" },
)
const run2020 = testRun(
  2020,
  {
    url: `${HOST}/msmarco-passagetest2020-top1000.tsv.gz`,
    bytes: 26_230_218,
    sums: [["aa6fbc51d66bd1dc745964c0e140a727", "download"]],
  },
  { ...RERANKING, url: track(2020), tags: ["reranking"] },
)

export const datasets = [
  collectionAndQueries,
  collection,
  smallQueries,
  smallQrels,
  tripleIds,
  smallTriples,
  fullTriples,
  queries2019,
  run2019,
  qrels2019,
  test2019,
  test2019WithRun,
  queries2020,
  run2020,
]
