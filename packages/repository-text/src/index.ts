import { Repository } from "@datamaestro/dataset"

/** Datasets of text. */
export class TextRepository extends Repository {
  static override readonly NAMESPACE = "text"
  static override readonly DESCRIPTION = "Datasets of text: reviews, word vectors, language modelling, ratings"
  static override readonly datasets = {
    "com.sentiment140.english": async () => (await import("./com.sentiment140.ts")).english,
    "edu.stanford.aclimdb": async () => (await import("./edu.stanford.aclimdb.ts")).aclimdb,
    "edu.stanford.glove.6b": async () => (await import("./edu.stanford.glove.ts")).glove6b,
    "edu.stanford.glove.6b.50": async () => (await import("./edu.stanford.glove.ts")).glove6b50,
    "edu.stanford.glove.6b.100": async () => (await import("./edu.stanford.glove.ts")).glove6b100,
    "edu.stanford.glove.6b.200": async () => (await import("./edu.stanford.glove.ts")).glove6b200,
    "edu.stanford.glove.6b.300": async () => (await import("./edu.stanford.glove.ts")).glove6b300,
    "io.metamind.research.wikitext.2.raw": async () =>
      (await import("./io.metamind.research.wikitext.ts")).wikitext2raw,
    "org.grouplens.movielens.small": async () => (await import("./org.grouplens.movielens.ts")).small,
  }
}
