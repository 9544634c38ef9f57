/** In a dataset's folder: everything is written here first. */
export const DOWNLOADS_FOLDER = ".downloads"

/** Who prepares the dataset; `.state.lock` is Python datamaestro's, which is held in another way. */
export const LOCK_FILE = ".state.lease"
