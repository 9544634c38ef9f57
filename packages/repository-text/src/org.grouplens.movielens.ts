import { csv, defineDataset, typed, zip } from "@datamaestro/dataset"

const HEADED = { namesRow: 0 }

export const small = defineDataset({
  id: "org.grouplens.movielens.small",
  name: "MovieLens latest small",
  description:
    "About 100 000 ratings and 3 600 tags that 600 people gave to 9 000 films. The source replaces it from time to time, so results on it are only comparable when the day of the download is told.",
  url: "https://grouplens.org/datasets/movielens/latest/",
  timestamp: true,
  resources: { ds: zip("http://files.grouplens.org/datasets/movielens/ml-latest-small.zip") },
  describe: ({ ds }) =>
    typed("Movielens", {
      ratings: csv(ds.join("ratings.csv"), HEADED),
      links: csv(ds.join("links.csv"), HEADED),
      movies: csv(ds.join("movies.csv"), HEADED),
      tags: csv(ds.join("tags.csv"), HEADED),
    }),
})
