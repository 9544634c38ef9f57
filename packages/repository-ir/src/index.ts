import { datasetFamily, Repository } from "@datamaestro/dataset"
import { each, words } from "./names.ts"

const NANO_BEIR = words(`
  arguana climate-fever dbpedia-entity fever fiqa hotpotqa msmarco nfcorpus nq quora scidocs scifact webis-touche2020
`)
const MSMARCO_PASSAGE = words(`
  train.queries train.qrels train.run train.triples.id train.triples.small.text
  dev.queries dev.qrels dev.run eval.withrun
  trec2019.queries trec2019.qrels trec2019.run trec2020.queries trec2020.qrels trec2020.run trec.dl.hard.qrels
`)
const MSMARCO_PASSAGE_COLLECTIONS = words(`
  documents train train.withrun dev dev.withrun dev.judged dev.small eval.queries.small trec.dl.hard
  trec2019 trec2019.withrun trec2019.judged trec2020 trec2020.withrun trec2020.judged
`)
const MSMARCO_PASSAGE_V2 = words("train dev1 dev2 trec2021 trec2022 trec2023")
const RANK_DISTILLM = words(`
  msmarco.bm25 msmarco.colbertv2
  rankzephyr.bm25_10000.sampled100
  rankzephyr.colbert10000.sampled100 rankzephyr.colbert10000.sampled50 rankzephyr.colbert10000.sampled10
`)

const LOTTE = words("lifestyle recreation science technology writing pooled")
const BEIR = [
  ...words("trec.covid nq arguana webis.touche2020 webis.touche2020.v2 climate.fever scidocs"),
  ...each(words("nfcorpus hotpotqa fiqa fever"), words("collection train dev test")),
  ...each(words("quora dbpedia.entity"), words("collection dev test")),
  ...each(["scifact"], words("collection train test")),
  "cqadupstack",
  ...each(
    ["cqadupstack"],
    words("android english gaming gis mathematica physics programmers stats tex unix webmasters wordpress"),
  ),
]

const ADHOC = words(`
  1 1.documents 1.topics 1.assessments 2 2.topics 2.assessments 3 3.topics 3.assessments
  4 4.documents 4.topics 4.assessments 5 5.documents 5.topics 5.qrels 6 6.documents 6.topics 6.qrels
  7 7.documents 7.topics 7.qrels 8 8.topics 8.qrels
  robust.2004 robust.2004.topics robust.2004.qrels robust.2005 robust.2005.topics robust.2005.qrels
`)
const CAST = [
  ...words("2019.train 2019 2020 2021 2022"),
  ...each(words("cast.v0 cast.v1 cast.v2 cast.v3"), ["documents"]),
]
const TIPSTER = words(`
  ap88 ap89 ap90 doe1 wsj87 wsj88 wsj89 wsj90 wsj91 wsj92 fr88 fr89 fr94 ziff1 ziff2 ziff3
  sjm1 cr1 ft1 fbis1 la8990
`)

/** Datasets of information retrieval. */
export class IrRepository extends Repository {
  static override readonly NAMESPACE = "ir"
  static override readonly NAME = "Information retrieval"
  static override readonly DESCRIPTION = "Test collections, rankings and training data of information retrieval"
  static override readonly datasets = {
    ...datasetFamily(
      "ai.lighton",
      ["embeddings_pre_training", "embeddings_pre_training.denseon_lateon"],
      () => import("./ai.lighton.ts"),
    ),
    "ca.uwaterloo.jimmylin.anserini.robust04": async () =>
      (await import("./ca.uwaterloo.jimmylin.anserini.ts")).robust04,
    ...datasetFamily(
      "co.huggingface.nano-beir",
      [...NANO_BEIR, ...each(NANO_BEIR, ["queries", "qrels", "documents"])],
      () => import("./co.huggingface.nano-beir.ts"),
    ),
    "co.huggingface.datasets.sentence-transformers.msmarco-hard-negatives.ensemble": async () =>
      (await import("./co.huggingface.datasets.sentence-transformers.ts")).hardNegatives,
    "com.github.aagohary.canard": async () => (await import("./com.github.aagohary.canard.ts")).canard,
    "com.github.apple.ml-qrecc": async () => (await import("./com.github.apple.ml-qrecc.ts")).qrecc,
    ...datasetFamily(
      "com.github.hofstaetter.distillation.msmarco",
      ["ensemble.teacher", "bert.teacher"],
      () => import("./com.github.hofstaetter.ts"),
    ),
    ...datasetFamily("com.github.ikat", ["2023", "2024", "2025"], () => import("./com.github.ikat.ts")),
    "com.github.prdwb.orconvqa.preprocessed": async () => (await import("./com.github.prdwb.orconvqa.ts")).preprocessed,
    ...datasetFamily(
      "com.github.sebastian-hofstaetter.neural-ranking-kd",
      ["msmarco_ensemble_teacher", "msmarco_bert_teacher"],
      () => import("./com.github.hofstaetter.ts"),
    ),
    ...datasetFamily(
      "com.github.webis-de.rank-distillm",
      each(RANK_DISTILLM, ["annotated"]),
      () => import("./com.github.webis-de.rank-distillm.ts"),
    ),
    ...datasetFamily(
      "com.microsoft.msmarco.passage",
      MSMARCO_PASSAGE,
      () => import("./com.microsoft.msmarco.passage.ts"),
    ),
    ...datasetFamily(
      "com.microsoft.msmarco.passage",
      MSMARCO_PASSAGE_COLLECTIONS,
      () => import("./com.microsoft.msmarco.passage.collections.ts"),
    ),
    ...datasetFamily(
      "com.microsoft.msmarco.passagev2",
      each(MSMARCO_PASSAGE_V2, ["queries", "qrels", "run"]),
      () => import("./com.microsoft.msmarco.passagev2.ts"),
    ),
    ...datasetFamily(
      "com.microsoft.msmarco.passagev2",
      ["passages", ...MSMARCO_PASSAGE_V2, ...each(MSMARCO_PASSAGE_V2, ["withrun"])],
      () => import("./com.microsoft.msmarco.passagev2.collections.ts"),
    ),
    "com.microsoft.msmarco.document.documents": async () =>
      (await import("./com.microsoft.msmarco.document.ts")).documents,
    "com.microsoft.msmarco.documentv2.documents": async () =>
      (await import("./com.microsoft.msmarco.document.ts")).documentsV2,
    ...datasetFamily(
      "edu.stanford.lotte",
      ["lotte.data", ...each(each(LOTTE, ["dev", "test"]), ["search", "forum"])],
      () => import("./edu.stanford.lotte.ts"),
    ),
    ...datasetFamily("edu.upenn.ldc.aquaint", ["", "apw", "nyt", "xie"], () => import("./edu.upenn.ldc.aquaint.ts")),
    ...datasetFamily(
      "gov.nist.ir.covid.cord19.round5",
      ["", "metadata", "topics", "assessments"],
      () => import("./gov.nist.ir.covid.cord19.ts"),
    ),
    ...datasetFamily("gov.nist.trec.adhoc", ADHOC, () => import("./gov.nist.trec.adhoc.ts")),
    ...datasetFamily(
      "gov.nist.trec.adhoc",
      [
        ...each(words("1 4 5 6 7"), ["documents.store"]),
        ...each(words("1 2 3 4 5 6 7 8 robust.2004 robust.2005"), ["withstore"]),
      ],
      () => import("./gov.nist.trec.adhoc.stores.ts"),
    ),
    ...datasetFamily("edu.upenn.ldc.aquaint", ["store"], () => import("./gov.nist.trec.adhoc.stores.ts")),
    "gov.nist.trec.car.documents": async () => (await import("./gov.nist.trec.car.ts")).documents,
    ...datasetFamily("gov.nist.trec.cast", CAST, () => import("./gov.nist.trec.cast.ts")),
    ...datasetFamily(
      "gov.nist.trec.wapo.wapo",
      ["v2.documents", "v2.passages", "v4.documents"],
      () => import("./gov.nist.trec.wapo.ts"),
    ),
    ...datasetFamily("gov.nist.trec.tipster", TIPSTER, () => import("./gov.nist.trec.tipster.ts")),
    ...datasetFamily("org.beir", BEIR, () => import("./org.beir.ts")),
    "org.facebook.kilt.documents": async () => (await import("./org.facebook.kilt.ts")).documents,
  }
}
