import { Repository } from "@datamaestro/dataset"

/** Datasets for machine learning on tables. */
export class MlRepository extends Repository {
  static override readonly NAMESPACE = "ml"
  static override readonly DESCRIPTION = "Tables for machine learning"
  static override readonly datasets = {
    "edu.uci.boston": async () => (await import("./edu.uci.boston.ts")).boston,
  }
}
