//! Porter's stemmer (1980) with the extensions of NLTK, which `rouge-score` uses.

/// The stem of an English word in lower case: endings are cut off in steps that depend on the *measure* of what remains,
/// the number of times that a consonant follows a vowel. As NLTK's `PorterStemmer` in its default mode.
///
/// ```
/// let stems = ["relational", "hopping", "flies", "dying", "happily"].map(metrics::porter_stem);
/// assert_eq!(stems, ["relat", "hop", "fli", "die", "happili"]);
/// ```
pub fn porter_stem(word: &str) -> String {
    if let Some((_, stem)) = IRREGULAR.iter().find(|(form, _)| *form == word) {
        return (*stem).to_owned();
    }
    if word.chars().count() <= 2 {
        return word.to_owned();
    }
    let mut word = word.to_owned();
    for step in
        [plurals, participles, final_y, long_suffixes, middle_suffixes, short_suffixes, final_e, final_l]
    {
        word = step(word);
    }
    word
}

const IRREGULAR: &[(&str, &str)] = &[
    ("sky", "sky"),
    ("skies", "sky"),
    ("dying", "die"),
    ("lying", "lie"),
    ("tying", "tie"),
    ("news", "news"),
    ("innings", "inning"),
    ("inning", "inning"),
    ("outings", "outing"),
    ("outing", "outing"),
    ("cannings", "canning"),
    ("canning", "canning"),
    ("howe", "howe"),
    ("proceed", "proceed"),
    ("exceed", "exceed"),
    ("succeed", "succeed"),
];

/// For each letter whether it is a consonant: no vowel, and no `y` behind a consonant.
fn consonants(word: &str) -> Vec<bool> {
    let mut flags: Vec<bool> = Vec::with_capacity(word.len());
    for c in word.chars() {
        flags.push(match c {
            'a' | 'e' | 'i' | 'o' | 'u' => false,
            'y' => flags.last().is_none_or(|before| !before),
            _ => true,
        });
    }
    flags
}

fn measure(stem: &str) -> usize {
    consonants(stem).windows(2).filter(|pair| !pair[0] && pair[1]).count()
}

fn has_vowel(stem: &str) -> bool {
    consonants(stem).contains(&false)
}

/// Whether it ends in consonant, vowel, consonant, the last not `w`, `x` or `y`, or is just a vowel and a consonant.
fn ends_short(stem: &str) -> bool {
    match consonants(stem)[..] {
        [.., true, false, true] => !stem.ends_with(['w', 'x', 'y']),
        [false, true] => true,
        _ => false,
    }
}

fn ends_double_consonant(word: &str) -> bool {
    let mut chars = word.chars().rev();
    let (last, before) = (chars.next(), chars.next());
    last.is_some() && last == before && consonants(word).last() == Some(&true)
}

/// A suffix and what it becomes.
type Rule = (&'static str, &'static str);

/// Applies the first rule whose suffix fits, if `holds` of the stem; no later rule is tried.
fn apply(word: String, rules: &[Rule], holds: impl Fn(&str, &str) -> bool) -> String {
    for (suffix, replacement) in rules {
        if let Some(stem) = word.strip_suffix(suffix) {
            return if holds(stem, suffix) { format!("{stem}{replacement}") } else { word };
        }
    }
    word
}

/// Step 1a.
fn plurals(word: String) -> String {
    if word.len() == 4 && word.ends_with("ies") {
        return word[..3].to_owned();
    }
    apply(word, &[("sses", "ss"), ("ies", "i"), ("ss", "ss"), ("s", "")], |_, _| true)
}

/// Step 1b.
fn participles(word: String) -> String {
    if word.ends_with("ied") {
        return word[..word.len() - if word.len() == 4 { 1 } else { 2 }].to_owned();
    }
    if let Some(stem) = word.strip_suffix("eed") {
        return if measure(stem) > 0 { format!("{stem}ee") } else { word };
    }
    let stem =
        ["ed", "ing"].iter().filter_map(|suffix| word.strip_suffix(suffix)).find(|stem| has_vowel(stem));
    let Some(stem) = stem else { return word };
    if ["at", "bl", "iz"].iter().any(|end| stem.ends_with(end)) {
        return format!("{stem}e");
    }
    if ends_double_consonant(stem) {
        let mut stem = stem.to_owned();
        if !stem.ends_with(['l', 's', 'z']) {
            stem.pop();
        }
        return stem;
    }
    if measure(stem) == 1 && ends_short(stem) { format!("{stem}e") } else { stem.to_owned() }
}

/// Step 1c.
fn final_y(word: String) -> String {
    let behind_consonant = |stem: &str, _: &str| stem.len() > 1 && consonants(stem).last() == Some(&true);
    apply(word, &[("y", "i")], behind_consonant)
}

/// Step 2.
fn long_suffixes(word: String) -> String {
    if let Some(stem) = word.strip_suffix("alli").filter(|stem| measure(stem) > 0) {
        return long_suffixes(format!("{stem}al"));
    }
    const RULES: &[Rule] = &[
        ("ational", "ate"),
        ("tional", "tion"),
        ("enci", "ence"),
        ("anci", "ance"),
        ("izer", "ize"),
        ("bli", "ble"),
        ("alli", "al"),
        ("entli", "ent"),
        ("eli", "e"),
        ("ousli", "ous"),
        ("ization", "ize"),
        ("ation", "ate"),
        ("ator", "ate"),
        ("alism", "al"),
        ("iveness", "ive"),
        ("fulness", "ful"),
        ("ousness", "ous"),
        ("aliti", "al"),
        ("iviti", "ive"),
        ("biliti", "ble"),
        ("fulli", "ful"),
        ("logi", "log"),
    ];
    // The `l` of `logi` counts for the stem, so that short ones such as `geo` are treated as long ones.
    apply(word, RULES, |stem, suffix| match suffix {
        "logi" => measure(&format!("{stem}l")) > 0,
        _ => measure(stem) > 0,
    })
}

/// Step 3.
fn middle_suffixes(word: String) -> String {
    const RULES: &[Rule] = &[
        ("icate", "ic"),
        ("ative", ""),
        ("alize", "al"),
        ("iciti", "ic"),
        ("ical", "ic"),
        ("ful", ""),
        ("ness", ""),
    ];
    apply(word, RULES, |stem, _| measure(stem) > 0)
}

/// Step 4.
fn short_suffixes(word: String) -> String {
    const SUFFIXES: &[&str] = &[
        "al", "ance", "ence", "er", "ic", "able", "ible", "ant", "ement", "ment", "ent", "ion", "ou", "ism",
        "ate", "iti", "ous", "ive", "ize",
    ];
    let rules: Vec<Rule> = SUFFIXES.iter().map(|&suffix| (suffix, "")).collect();
    apply(word, &rules, |stem, suffix| measure(stem) > 1 && (suffix != "ion" || stem.ends_with(['s', 't'])))
}

/// Step 5a.
fn final_e(word: String) -> String {
    apply(word, &[("e", "")], |stem, _| match measure(stem) {
        0 => false,
        1 => !ends_short(stem),
        _ => true,
    })
}

/// Step 5b.
fn final_l(word: String) -> String {
    apply(word, &[("ll", "l")], |stem, _| measure(&format!("{stem}l")) > 1)
}
