//! English abbreviations, by what may follow them.

/// What a stop behind a word means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// No abbreviation.
    Word,
    /// Stands before a name or goes on in any case (`Mr.`, `e.g.`): never an end.
    Joining,
    /// Stands before a number (`p.`, `No.`): an end unless one follows.
    BeforeNumber,
    /// May end a sentence (`Inc.`, `etc.`, `U.S.`): an end if a word follows that often begins one.
    Either,
    /// May end a sentence, and does so before a large letter (`etc.`).
    Last,
}

/// Before names, and inside sentences; in small letters, without the stop. Sorted.
const JOINING: &[&str] = &[
    "adj", "adm", "approx", "arr", "asst", "atty", "brig", "bros", "bvt", "ca", "capt", "cf", "cmdr", "cmdt",
    "col", "comdr", "cpl", "cpt", "det", "dir", "dr", "e.g", "eg", "ens", "esp", "fr", "gen", "gov", "hon",
    "hr", "i.e", "ie", "incl", "insp", "lt", "maj", "messrs", "mfg", "mfr", "mgr", "mlle", "mme", "mmes",
    "mr", "mrs", "ms", "msgr", "mt", "mx", "pfc", "pres", "prof", "pvt", "rep", "reps", "resp", "rev", "rt",
    "rte", "sen", "sens", "sgt", "sr", "st", "ste", "supt", "v", "viz", "vs",
];

/// Before numbers. Sorted.
const BEFORE_NUMBER: &[&str] = &[
    "app", "apr", "art", "aug", "ch", "chap", "col", "dec", "ed", "eq", "eqs", "ext", "feb", "ff", "fig",
    "figs", "jan", "jul", "jun", "l", "mar", "no", "nos", "nov", "nr", "oct", "op", "p", "para", "pg", "pl",
    "pp", "pt", "pts", "ref", "refs", "sec", "sect", "sep", "sept", "tel", "vol", "vols",
];

/// At the end of sentences as well as inside them. Sorted.
const EITHER: &[&str] = &[
    "ala", "apt", "ariz", "ark", "assn", "ave", "bldg", "blvd", "calif", "cent", "co", "colo", "conn",
    "corp", "ct", "ctr", "del", "dept", "dia", "dist", "div", "est", "fla", "ft", "ga", "ill", "inc", "ind",
    "jr", "kan", "ky", "la", "lbs", "llc", "ltd", "mass", "md", "mich", "minn", "miss", "mo", "mont", "mph",
    "neb", "nev", "okla", "ore", "oz", "pa", "penn", "rd", "sq", "temp", "tenn", "tex", "univ", "va", "vt",
    "wash", "wis", "wyo", "yr", "yrs",
];

/// At the end of sentences, or before small letters. Sorted.
const LAST: &[&str] = &["al", "etc"];

/// Words that begin sentences far more often than they follow an abbreviation inside one. Sorted.
const STARTERS: &[&str] = &[
    "a",
    "after",
    "all",
    "also",
    "although",
    "an",
    "and",
    "any",
    "are",
    "as",
    "at",
    "because",
    "before",
    "but",
    "by",
    "can",
    "could",
    "did",
    "do",
    "does",
    "during",
    "each",
    "even",
    "for",
    "from",
    "had",
    "has",
    "have",
    "he",
    "her",
    "here",
    "his",
    "how",
    "however",
    "i",
    "if",
    "in",
    "is",
    "it",
    "its",
    "just",
    "let",
    "many",
    "maybe",
    "miss",
    "more",
    "most",
    "mr",
    "mrs",
    "my",
    "no",
    "not",
    "now",
    "of",
    "on",
    "one",
    "only",
    "or",
    "other",
    "our",
    "perhaps",
    "please",
    "she",
    "since",
    "so",
    "some",
    "such",
    "thanks",
    "that",
    "the",
    "their",
    "then",
    "there",
    "therefore",
    "these",
    "they",
    "this",
    "those",
    "though",
    "thus",
    "to",
    "under",
    "until",
    "was",
    "we",
    "were",
    "what",
    "when",
    "where",
    "whether",
    "which",
    "while",
    "who",
    "why",
    "will",
    "with",
    "would",
    "yes",
    "yet",
    "you",
    "your",
];

/// What kind of abbreviation the text between white space and a stop is.
pub(super) fn kind(word: &str) -> Kind {
    let mut letters = word.chars();
    if let (Some(letter), None) = (letters.next(), letters.next()) {
        return match letter {
            // The pronoun ends sentences, too.
            'I' => Kind::Either,
            'p' | 'l' => Kind::BeforeNumber,
            'v' => Kind::Joining,
            _ if letter.is_uppercase() => Kind::Either,
            _ => Kind::Word,
        };
    }
    let small = word.to_lowercase();
    let within = |list: &[&str]| list.binary_search(&&*small).is_ok();
    if within(JOINING) {
        Kind::Joining
    } else if within(BEFORE_NUMBER) {
        Kind::BeforeNumber
    } else if within(LAST) {
        Kind::Last
    } else if within(EITHER) || is_dotted(word) {
        Kind::Either
    } else {
        Kind::Word
    }
}

/// Letters, one or two at a time, with stops between: `U.S`, `a.m`, `Ph.D`.
fn is_dotted(word: &str) -> bool {
    let mut parts = word.split('.');
    word.contains('.')
        && parts.all(|part| (1..=2).contains(&part.chars().count()) && part.chars().all(char::is_alphabetic))
}

/// Does this word often begin sentences?
pub(super) fn is_starter(word: &str) -> bool {
    STARTERS.binary_search(&&*word.to_lowercase()).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_sorted() {
        for list in [JOINING, BEFORE_NUMBER, EITHER, LAST, STARTERS] {
            assert!(list.is_sorted(), "{list:?}");
        }
    }

    #[test]
    fn abbreviations_are_known_by_list_and_by_shape() {
        for (word, expected) in [
            ("Mr", Kind::Joining),
            ("e.g", Kind::Joining),
            ("p", Kind::BeforeNumber),
            ("No", Kind::BeforeNumber),
            ("U.S", Kind::Either),
            ("Ph.D", Kind::Either),
            ("J", Kind::Either),
            ("Inc", Kind::Either),
            ("etc", Kind::Last),
            ("example.com", Kind::Word),
            ("end", Kind::Word),
            ("", Kind::Word),
        ] {
            assert_eq!(kind(word), expected, "{word}");
        }
    }
}
