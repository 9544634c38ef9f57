import { defineDataset, md5, tar } from "@datamaestro/dataset"
import { AGREEMENT, HOST, msmarco, ofNist, publishedFile, triples } from "./msmarco.ts"

const PREFIX = "com.microsoft.msmarco.passage"
const HOMEPAGE = "https://github.com/microsoft/MSMARCO-Passage-Ranking"
const passage = msmarco(PREFIX, "MS MARCO passages")

const parts = [
  passage.archivedQueries(
    { id: "train.queries", description: "All 808 731 training queries of MS MARCO's passage ranking: id and text." },
    "queries.train.tsv",
  ),
  passage.qrels(
    {
      id: "train.qrels",
      size: "10.1MB",
      description: "For the training queries, the passages that a person marked as answering them: mostly one a query.",
    },
    { url: "qrels.train.tsv", md5: "733fb9fe12d93e497f7289409316eccf", bytes: 10_589_532 },
  ),
  passage.archivedRun(
    {
      id: "train.run",
      size: "2.5GB",
      description: "The 1 000 passages that BM25 ranks first for each training query, with the texts of both.",
    },
    { url: "top1000.train.tar.gz", md5: "d99fdbd5b2ea84af8aa23194a3263052", bytes: 11_519_984_492 },
    "top1000.train.txt",
  ),
  passage.archivedQueries(
    { id: "dev.queries", description: "All 101 093 development queries of MS MARCO's passage ranking: id and text." },
    "queries.dev.tsv",
  ),
  passage.qrels(
    {
      id: "dev.qrels",
      description: "For the development queries, the passages that a person marked as answering them.",
    },
    { url: "qrels.dev.tsv", md5: "9157ccaeaa8227f91722ba5770787b16", bytes: 1_201_626 },
  ),
  passage.archivedRun(
    {
      id: "dev.run",
      description:
        "The passages that BM25 ranks first for the small development set's queries, with the texts of both.",
    },
    { url: "top1000.dev.tar.gz", md5: "8c140662bdf123a98fbfe3bb174c5831", bytes: 687_414_398 },
    "top1000.dev",
  ),
  passage.archivedRun(
    {
      id: "eval.withrun",
      description:
        "The passages that BM25 ranks first for the evaluation queries, with the texts of both. A run alone: the judgements are not public.",
    },
    { url: "top1000.eval.tar.gz", md5: "73778cd99f6e0632d12d0b5731b20a02", bytes: 673_440_221 },
    "top1000.eval",
  ),
]

const deepLearning = [
  passage.queries(
    { id: "trec2019.queries", description: "The 200 test queries of TREC's Deep Learning track in 2019: id and text." },
    {
      url: "msmarco-test2019-queries.tsv.gz",
      md5: "eda71eccbe4d251af83150abe065368c",
      output: "756e60d714cee28d3b552289d6272f1d",
      bytes: 4_276,
    },
  ),
  passage.runWithText(
    {
      id: "trec2019.run",
      description: "The passages to rerank in TREC's Deep Learning track of 2019, with all texts.",
    },
    { url: "msmarco-passagetest2019-top1000.tsv.gz", md5: "ec9e012746aa9763c7ff10b3336a3ce1", bytes: 26_634_062 },
  ),
  passage.qrels(
    {
      id: "trec2019.qrels",
      description: "NIST's graded judgements for the passages of TREC's Deep Learning track in 2019.",
    },
    ofNist("2019qrels-pass.txt", "2f4be390198da108f6845c822e5ada14", 187_092),
  ),
  passage.queries(
    {
      id: "trec2020.queries",
      size: "12K",
      description: "The 200 test queries of TREC's Deep Learning track in 2020: id and text.",
    },
    {
      url: "msmarco-test2020-queries.tsv.gz",
      md5: "00a406fb0d14ed3752d70d1e4eb98600",
      output: "52cf21f50b4842233d35933cbc26b179",
      bytes: 4_131,
    },
  ),
  passage.runWithText(
    {
      id: "trec2020.run",
      url: "https://microsoft.github.io/msmarco/TREC-Deep-Learning-2020.html",
      description: "The passages to rerank in TREC's Deep Learning track of 2020, with all texts.",
    },
    { url: "msmarco-passagetest2020-top1000.tsv.gz", md5: "aa6fbc51d66bd1dc745964c0e140a727", bytes: 26_230_218 },
  ),
  passage.qrels(
    {
      id: "trec2020.qrels",
      description: "NIST's graded judgements for the passages of TREC's Deep Learning track in 2020.",
    },
    ofNist("2020qrels-pass.txt", "0355ccee7509ac0463e8278186cdd8d1", 218_617),
  ),
  passage.qrels(
    {
      id: "trec.dl.hard.qrels",
      url: "https://github.com/grill-lab/DL-Hard",
      description: "Judgements of DL-Hard: 50 obstinate queries of TREC's Deep Learning tracks, some judged anew.",
    },
    {
      url: "https://raw.githubusercontent.com/grill-lab/DL-Hard/main/dataset/dl_hard-passage.qrels",
      md5: "8583c2cbad56eeacb449586fe1d2a471",
      bytes: 83_362,
    },
  ),
]

const TRIPLES = { tags: ["triples"], tasks: ["learning to rank"], url: HOMEPAGE, agreement: AGREEMENT }

const tripleIds = defineDataset({
  ...TRIPLES,
  id: `${PREFIX}.train.triples.id`,
  name: "MS MARCO passages: train triples id",
  description: "Training triples by id: query, a passage that answers it, one that does not.",
  size: "5.7GB",
  resources: {
    TRIPLES: publishedFile(
      {
        url: "qidpidtriples.train.full.2.tsv.gz",
        md5: "219083e80a0a751c08b968c2f31a4e0b",
        output: "4e58f45f82f3fe99e3239ecffd8ed371",
        bytes: 1_841_693_309,
      },
      "triples.tsv",
    ),
  },
  describe: (resources) => triples(resources.TRIPLES, true),
})

const smallTriples = defineDataset({
  ...TRIPLES,
  id: `${PREFIX}.train.triples.small.text`,
  name: "MS MARCO passages: train triples small text",
  description: "A selection of the training triples as texts: query, a passage that answers it, one that does not.",
  size: "27.1GB",
  resources: {
    TRIPLES: tar(`${HOST}/triples.train.small.tar.gz`, {
      integrity: md5("c13bf99ff23ca691105ad12eab837f84"),
      size: 7_930_881_353,
      files: ["triples.train.small.tsv"],
    }),
  },
  describe: (resources) => triples(resources.TRIPLES.join("triples.train.small.tsv"), false),
})

export const datasets = [...parts, ...deepLearning, tripleIds, smallTriples]
