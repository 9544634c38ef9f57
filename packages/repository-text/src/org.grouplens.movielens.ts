import { csv, defineDataset, typed, zip } from "@datamaestro/dataset"

const HEADED = { namesRow: 0 }
const CHANGING =
  "The source replaces it from time to time, so results on it are only comparable when the day of the download is told."

export const small = latest(
  "small",
  "ml-latest-small",
  "About 100 000 ratings and 3 600 tags that 600 people gave to 9 000 films.",
)
export const full = latest("full", "ml-latest", "All ratings and tags that people gave to films at MovieLens so far.")

function latest(name: string, archive: string, what: string) {
  return defineDataset({
    id: `org.grouplens.movielens.${name}`,
    name: `MovieLens latest ${name}`,
    description: `${what} ${CHANGING}`,
    url: "https://grouplens.org/datasets/movielens/latest/",
    timestamp: true,
    resources: { ds: zip(`http://files.grouplens.org/datasets/movielens/${archive}.zip`) },
    describe: ({ ds }) =>
      typed("Movielens", {
        ratings: csv(ds.join("ratings.csv"), HEADED),
        links: csv(ds.join("links.csv"), HEADED),
        movies: csv(ds.join("movies.csv"), HEADED),
        tags: csv(ds.join("tags.csv"), HEADED),
      }),
  })
}
