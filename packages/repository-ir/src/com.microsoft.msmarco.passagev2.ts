import { msmarco, ofNist } from "./msmarco.ts"

const passage = msmarco("com.microsoft.msmarco.passagev2", "MS MARCO passages v2")

const COLLECTION = "MS MARCO's second collection of 138 million passages"

/** A part whose judgements Microsoft gave: one passage, mostly, was marked as the answer. */
function sparse(
  part: string,
  published: string,
  what: string,
  sums: { queries: [string, number]; qrels: [string, number]; run: [string, number] },
) {
  const [queries, qrels, run] = [sums.queries, sums.qrels, sums.run]
  return [
    passage.queries(
      { id: `${part}.queries`, description: `${what} queries for ${COLLECTION}: id and text.` },
      { url: `passv2_${published}_queries.tsv`, md5: queries[0], bytes: queries[1] },
    ),
    passage.qrels(
      {
        id: `${part}.qrels`,
        description: `The passages that answer the ${what.toLowerCase()} queries for ${COLLECTION}.`,
      },
      { url: `passv2_${published}_qrels.tsv`, md5: qrels[0], bytes: qrels[1] },
    ),
    passage.run(
      {
        id: `${part}.run`,
        description: `The 100 passages that BM25 ranks first for the ${what.toLowerCase()} queries, in ${COLLECTION}.`,
      },
      { url: `passv2_${published}_top100.txt.gz`, md5: run[0], bytes: run[1] },
      "top100.txt",
    ),
  ]
}

/** A year of TREC's Deep Learning track, judged by NIST. */
function deepLearning(
  year: number,
  queries: [string, number],
  qrels: { file: string; name?: string; sum: [string, number] },
  run: { name?: string; sum: [string, number] },
) {
  const track = `TREC's Deep Learning track of ${year}`
  return [
    passage.queries(
      { id: `trec${year}.queries`, description: `The queries of ${track}, for ${COLLECTION}: id and text.` },
      { url: `${year}_queries.tsv`, md5: queries[0], bytes: queries[1] },
    ),
    passage.qrels(
      { id: `trec${year}.qrels`, description: `NIST's graded judgements of ${track}, for ${COLLECTION}.` },
      ofNist(qrels.file, ...qrels.sum),
      qrels.name,
    ),
    passage.run(
      { id: `trec${year}.run`, description: `The 100 passages to rerank for each query of ${track}.` },
      { url: `${year}_passage_top100.txt.gz`, md5: run.sum[0], bytes: run.sum[1] },
      run.name ?? "top100.txt",
    ),
  ]
}

// With duplicates: in these years a passage was judged once, and its copies are listed too.
const WITH_COPIES = "qrels.withDupes.txt"

export const datasets = [
  ...sparse("train", "train", "Training", {
    queries: ["1835f44e6792c51aa98eed722a8dcc11", 11_608_838],
    qrels: ["a2e37e9a9c7ca13d6e38be0512a52017", 11_620_946],
    run: ["7cd731ed984fccb2396f11a284cea800", 340_634_991],
  }),
  ...sparse("dev1", "dev", "Development", {
    queries: ["0fa4c6d64a653142ade9fc61d7484239", 164_507],
    qrels: ["10f9263260d206d8fb8f13864aea123a", 165_024],
    run: ["fee817a3ee273be8623379e5d3108c0b", 4_882_727],
  }),
  ...sparse("dev2", "dev2", "Further development", {
    queries: ["565b84dfa7ccd2f4251fa2debea5947a", 179_603],
    qrels: ["8ed8577fa459d34b59cf69b4daa2baeb", 181_612],
    run: ["da532bf26169a3a2074fae774471cc9f", 5_355_464],
  }),
  ...deepLearning(
    2021,
    ["46d863434dda18300f5af33ee29c4b28", 24_585],
    { file: "2021.qrels.pass.final.txt", sum: ["c5b76ec95b589732edc9040302e22a2b", 433_887] },
    { name: "top100.trec", sum: ["e2be2d307da26d1a3f76eb95507672a3", 604_533] },
  ),
  ...deepLearning(
    2022,
    ["f1bfd53d80e81e58207ce557fd2211a0", 21_508],
    { file: "2022.qrels.pass.withDupes.txt", name: WITH_COPIES, sum: ["b36484d6cfd039664a570a4bf04f0eeb", 15_800_539] },
    { sum: ["36004dfad64826167aeecddff1d490a6", 630_095] },
  ),
  ...deepLearning(
    2023,
    ["7df9e17b47cc9aa5d1c9fd5b313e273c", 38_128],
    { file: "2023.qrels.pass.withDupes.txt", name: WITH_COPIES, sum: ["3a742d51ae65da2ece9c09b304b9e358", 912_450] },
    { sum: ["c339ed75e1556cacb387899f34cadad1", 888_898] },
  ),
]
