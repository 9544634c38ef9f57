/** What the compiler must know of a prepared dataset when its definition is imported. */
import { axis, defineDataset, file, textFile } from "@datamaestro/dataset"
import { mnist } from "@datamaestro/repository-image/com.lecun.mnist"
import { Context, getDataset, prepareDataset } from "../../packages/controller/src/index.ts"

const plain = defineDataset({
  id: "org.example.plain",
  resources: { data: file("https://example.org/a") },
  describe: ({ data }) => ({ train: textFile(data) }),
})
const varied = defineDataset({
  id: "org.example.varied",
  axes: { dim: axis([50, 100]) },
  resources: { data: file("https://example.org/a") },
  describe: ({ data }) => ({ words: textFile(data) }),
})

export async function typed(): Promise<void> {
  const prepared = await prepareDataset(plain, { context: "/data" })
  const path: string = prepared.train.path
  const id: string = prepared.id
  void [path, id]
  // @ts-expect-error there is no such split
  void prepared.validation

  const digits = await prepareDataset(mnist, { host: "cluster" })
  const images: string = digits.train.images.path
  void images
  // @ts-expect-error there is no such split
  void digits.validation

  const chosen = await getDataset(varied, { selection: { dim: 50 } })
  const words: string = chosen.words.path
  void words
  // @ts-expect-error 60 is no value of the axis
  await prepareDataset(varied, { selection: { dim: 60 } })
  // @ts-expect-error the axis has no default
  await prepareDataset(varied)

  const context = Context.instance()
  const handle = context.dataset(varied, { selection: { dim: 100 } })
  const list: string = (await handle.prepare()).words.path
  const later: string = (await (await handle.start()).attach()).words.path
  void [list, later]
  // @ts-expect-error there is no such part
  void (await handle.value()).train
  // @ts-expect-error the axis has no default
  context.dataset(varied)
  void (await context.dataset("org.example.plain").prepare()).train.images.path

  const named = await prepareDataset("org.example.plain")
  void named.train.images.path
}
