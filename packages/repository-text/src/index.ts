import { datasetFamily, Repository } from "@datamaestro/dataset"

const words = (text: string): string[] => text.trim().split(/\s+/)
const under = (prefix: string, names: string): string[] => words(names).map((name) => `${prefix}.${name}`)

const MSMARCO_PASSAGE = words(`
  collection collection.etc train.idtriples train.texttriples.small train.texttriple.full
  dev.small.queries dev.small.qrels
  trec2019.test trec2019.test.withrun trec2019.test.queries trec2019.test.run trec2019.test.qrels
  trec2020.test.queries trec2020.test.run
`)

/** What `ir` has now. */
const MOVED_TO_IR = [
  "com.github.aagohary.canard",
  "com.github.apple.ml-qrecc",
  ...under("com.github.ikat", "2023 2024 2025"),
  "com.github.prdwb.orconvqa.preprocessed",
  ...under(
    "com.microsoft.msmarco.passage",
    `train train.queries train.qrels train.run train.withrun dev dev.queries dev.qrels dev.run dev.withrun dev.small
     eval.withrun eval.queries.small`,
  ),
  ...under("gov.nist.ir.covid.cord19", "round5 round5.metadata round5.topics round5.assessments"),
  ...under("edu.upenn.ldc", "aquaint aquaint.apw aquaint.nyt aquaint.xie"),
  ...under(
    "gov.nist.trec.adhoc",
    `1 1.documents 1.topics 1.assessments 2 2.topics 2.assessments 3 3.topics 3.assessments
     4 4.documents 4.topics 4.assessments 5 5.documents 5.topics 5.qrels 6 6.documents 6.topics 6.qrels
     7 7.documents 7.topics 7.qrels 8 8.topics 8.qrels
     robust.2004 robust.2004.topics robust.2004.qrels robust.2005 robust.2005.topics robust.2005.qrels`,
  ),
  ...under(
    "gov.nist.trec.tipster",
    `ap88 ap89 ap90 doe1 wsj87 wsj88 wsj89 wsj90 wsj91 wsj92 fr88 fr89 fr94 ziff1 ziff2 ziff3
     sjm1 cr1 ft1 fbis1 la8990`,
  ),
]

/** Datasets of text. */
export class TextRepository extends Repository {
  static override readonly NAMESPACE = "text"
  static override readonly DESCRIPTION = "Datasets of text: reviews, word vectors, language modelling, ratings"
  static override readonly datasets = {
    "com.github.apple.ml-qrecc.content": async () => (await import("./com.github.apple.ml-qrecc.ts")).content,
    "com.github.ikat.clueweb22": async () => (await import("./com.github.ikat.ts")).clueweb22,
    "com.github.prdwb.orconvqa.passages": async () => (await import("./com.github.prdwb.orconvqa.ts")).passages,
    ...datasetFamily(
      "com.microsoft.msmarco.passage",
      MSMARCO_PASSAGE,
      () => import("./com.microsoft.msmarco.passage.ts"),
    ),
    "com.microsoft.wikiqa": async () => (await import("./com.microsoft.wikiqa.ts")).wikiqa,
    "com.oscar-corpus.english": async () => (await import("./com.oscar-corpus.ts")).english,
    "com.sentiment140.english": async () => (await import("./com.sentiment140.ts")).english,
    "com.smashwords.bookcorpus": async () => (await import("./com.smashwords.bookcorpus.ts")).bookcorpus,
    "edu.stanford.aclimdb": async () => (await import("./edu.stanford.aclimdb.ts")).aclimdb,
    "edu.stanford.glove.6b": async () => (await import("./edu.stanford.glove.ts")).glove6b,
    "edu.stanford.glove.6b.50": async () => (await import("./edu.stanford.glove.ts")).glove6b50,
    "edu.stanford.glove.6b.100": async () => (await import("./edu.stanford.glove.ts")).glove6b100,
    "edu.stanford.glove.6b.200": async () => (await import("./edu.stanford.glove.ts")).glove6b200,
    "edu.stanford.glove.6b.300": async () => (await import("./edu.stanford.glove.ts")).glove6b300,
    "edu.stanford.glove.42b": async () => (await import("./edu.stanford.glove.ts")).glove42b,
    "edu.stanford.glove.840b": async () => (await import("./edu.stanford.glove.ts")).glove840b,
    ...datasetFamily(
      "fr.granddebat",
      words("transition fiscalité démocratie organisation evenements"),
      () => import("./fr.granddebat.ts"),
    ),
    "io.github.thunlp.fewrel.v1": async () => (await import("./io.github.thunlp.fewrel.ts")).v1,
    "io.metamind.research.wikitext.2.tokens": async () =>
      (await import("./io.metamind.research.wikitext.ts")).wikitext2tokens,
    "io.metamind.research.wikitext.2.raw": async () =>
      (await import("./io.metamind.research.wikitext.ts")).wikitext2raw,
    "io.metamind.research.wikitext.103.tokens": async () =>
      (await import("./io.metamind.research.wikitext.ts")).wikitext103tokens,
    "io.metamind.research.wikitext.103.raw": async () =>
      (await import("./io.metamind.research.wikitext.ts")).wikitext103raw,
    "org.grouplens.movielens.full": async () => (await import("./org.grouplens.movielens.ts")).full,
    "org.grouplens.movielens.small": async () => (await import("./org.grouplens.movielens.ts")).small,
    "org.universaldependencies.french.gsd": async () => (await import("./org.universaldependencies.ts")).frenchGsd,
  }
  static override readonly movedTo = { ir: MOVED_TO_IR }
}
