/**
 * The 30 alphabets of `images_background`, which Omniglot's authors learn from; the other 20 are theirs to
 * evaluate with.
 *
 * @see Lake et al. 2015, https://github.com/brendenlake/omniglot
 */
export const backgroundAlphabets: ReadonlySet<string> = new Set([
  "Alphabet_of_the_Magi",
  "Anglo-Saxon_Futhorc",
  "Arcadian",
  "Armenian",
  "Asomtavruli_(Georgian)",
  "Balinese",
  "Bengali",
  "Blackfoot_(Canadian_Aboriginal_Syllabics)",
  "Braille",
  "Burmese_(Myanmar)",
  "Cyrillic",
  "Early_Aramaic",
  "Futurama",
  "Grantha",
  "Greek",
  "Gujarati",
  "Hebrew",
  "Inuktitut_(Canadian_Aboriginal_Syllabics)",
  "Japanese_(hiragana)",
  "Japanese_(katakana)",
  "Korean",
  "Latin",
  "Malay_(Jawi_-_Arabic)",
  "Mkhedruli_(Georgian)",
  "N_Ko",
  "Ojibwe_(Canadian_Aboriginal_Syllabics)",
  "Sanskrit",
  "Syriac_(Estrangelo)",
  "Tagalog",
  "Tifinagh",
]);
