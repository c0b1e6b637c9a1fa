/** The published Omniglot: two parts, each of alphabets of characters with 20 images of 105 x 105. */

/** One of the two parts, as its authors publish it. */
export interface OmniglotPart {
  /** Folder inside the archive, and the archive's name without `.zip`. */
  readonly name: "images_background" | "images_evaluation";
  readonly characterCount: number;
  /** MD5 of the authors' archive; re-zipped archives differ. */
  readonly archiveMd5: string;
  /** SHA-256 over names and pixels, see `hashImages`; the same for the authors' and any re-zipped archive. */
  readonly contentHash: string;
}

export const omniglotParts: readonly [OmniglotPart, OmniglotPart] = [
  {
    name: "images_background",
    characterCount: 964,
    archiveMd5: "68d2efa1b9178cc56df9314c21c6e718",
    contentHash: "8a571c2c823f2b55804b11f07ea1f9bbca8be7ea7c8be2f05f3c2df28b78c2cc",
  },
  {
    name: "images_evaluation",
    characterCount: 659,
    archiveMd5: "6b91aef0f799c5bb55b94e3f2daec811",
    contentHash: "f93b7263693d921b1eab7ccb83c20f041e84019576d0371daae2224325061221",
  },
];

export const omniglotCharacters = 964 + 659;
export const omniglotExamples = 20;
/** Side of a published image, in pixels. */
export const omniglotSidePx = 105;

/** Where the authors publish the archives, under the MIT licence. */
export const omniglotUrl = "https://raw.githubusercontent.com/brendenlake/omniglot/master/python";

/** Names a directory with Omniglot's archives or folders, for those who do not say `--data`. */
export const omniglotDirVariable = "SHOAL_OMNIGLOT_DIR";
