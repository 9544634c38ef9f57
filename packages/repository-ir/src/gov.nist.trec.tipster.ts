import { datafolderPath, defineDataset, linkFolder } from "@datamaestro/dataset"
import { tipsterDocuments } from "./retrieval.ts"

/** The five disks, licensed by the LDC and NIST: whoever has them tells where with `datafolders set`. */
const DISKS = "gov.nist.trec.tipster"

/**
 * A part of the disks.
 *
 * @param glob the files that it consists of, which its sum is of
 */
function part(id: string, name: string, what: string, path: string, glob: string, md5: string) {
  return defineDataset({
    id: `${DISKS}.${id}`,
    name,
    description: `${what}, in the SGML of TREC. The TIPSTER and TREC disks are licensed and not for download: have them on the data machine, in folders Disk1 to Disk5.`,
    url: "https://catalog.ldc.upenn.edu/LDC93T3A",
    tags: ["collection", "document"],
    resources: { documents: linkFolder(datafolderPath(DISKS, path), { check: { glob, md5 } }) },
    describe: ({ documents }) => tipsterDocuments(documents, [glob]),
  })
}

const ap = (year: number, disk: number, md5: string) =>
  part(
    `ap${year}`,
    `Associated Press 19${year}`,
    `Dispatches of the Associated Press of 19${year}`,
    `Disk${disk}/AP`,
    "AP*",
    md5,
  )
const wsj = (year: number, disk: number, md5: string) =>
  part(
    `wsj${year}`,
    `Wall Street Journal 19${year}`,
    `Articles of the Wall Street Journal of 19${year}`,
    `Disk${disk}/WSJ/19${year}`,
    "WSJ*",
    md5,
  )
const ziff = (disk: number, md5: string) =>
  part(
    `ziff${disk}`,
    `Ziff (TIPSTER disk ${disk})`,
    "Articles and abstracts of Ziff-Davis's Computer Select",
    `Disk${disk}/ZIFF`,
    "ZF*",
    md5,
  )
const fr = (year: number, path: string, glob: string, md5: string) =>
  part(`fr${year}`, `Federal Register 19${year}`, `The Federal Register of 19${year}`, path, glob, md5)

/** The parts, by the end of their ids. */
export const parts = {
  ap88: ap(88, 2, "1daba5cd4e40e757c9c7ad0ed2d694b1"),
  ap89: ap(89, 1, "cef8998b79f4a5f3f1726cd67979cb10"),
  ap90: ap(90, 3, "68230c411fa1a16c5b965246645ede78"),
  wsj87: wsj(87, 1, "7ff9870168ef62358bdedca92082f3fa"),
  wsj88: wsj(88, 1, "0d7620d10bce20c4a775211468a1c2d9"),
  wsj89: wsj(89, 1, "dbe2f4a089465cdd1bca58f75202c75e"),
  wsj90: wsj(90, 2, "8fc57e79432ea30149220b437d568d4f"),
  wsj91: wsj(91, 2, "1423d60114b900006aef3f291dbca3e0"),
  wsj92: wsj(92, 2, "46f73cc9289b9285a2278d0f582363c3"),
  ziff1: ziff(1, "7e98e187233487f34e79ec9e6a7b8538"),
  ziff2: ziff(2, "1f8d026eb2257bcb9b57626fe02e982f"),
  ziff3: ziff(3, "33824bd7583c325ea0d8e7781b367a1a"),
  fr88: fr(88, "Disk2/FR", "FR*", "36e1fab20bcc1471d2d7b9f7c40b4e9f"),
  fr89: fr(89, "Disk1/FR", "FR*", "d2d898419ef516cc8b63ac6f88da8e77"),
  fr94: fr(94, "Disk4/FR94", "*/FR*", "2ef2d16cc289ff1f60ea07b24aec1550"),
  doe1: part(
    "doe1",
    "DOE abstracts",
    "Abstracts of publications of the US Department of Energy",
    "Disk1/DOE",
    "DOE*",
    "d6532a8206f5b73bcc69d152a78d78fd",
  ),
  sjm1: part(
    "sjm1",
    "San Jose Mercury News 1991",
    "Articles of the San Jose Mercury News of 1991",
    "Disk3/SJM",
    "SJM*",
    "11c0e621d64dc0e8a1e36b71057739d1",
  ),
  cr1: part(
    "cr1",
    "Congressional Record",
    "The Congressional Record of the 103rd Congress, 1993",
    "Disk4/CR",
    "*/CR*",
    "d9e8ada78b16ee211d851a1f5b200a53",
  ),
  ft1: part(
    "ft1",
    "Financial Times",
    "Articles of the Financial Times of 1991 to 1994",
    "Disk4/FT",
    "*/FT*",
    "807af9f4aa813a9fdf3390870fb37c9a",
  ),
  fbis1: part(
    "fbis1",
    "FBIS",
    "Reports of the Foreign Broadcast Information Service of 1996",
    "Disk5/FBIS",
    "FB*",
    "3079f7065972bd50c06c5b32dbc2028c",
  ),
  la8990: part(
    "la8990",
    "Los Angeles Times 1989-90",
    "Articles of the Los Angeles Times of 1989 and 1990",
    "Disk5/LATIMES",
    "LA*",
    "e33997ae2353e47a4ce184030add8919",
  ),
}

export const datasets = Object.values(parts)
