//! How tags mark the beginning, inside and end of entities.

use crate::error::Error;

/// The letters that tags begin with, and what they mean.
///
/// A name of two words, right before a name of one, in all of them:
///
/// ```
/// use metrics::{EntityMode, EntityScheme, entities};
/// for (scheme, tags) in [
///     (EntityScheme::Iob1, ["I-PER", "I-PER", "B-PER", "O"]),
///     (EntityScheme::Iob2, ["B-PER", "I-PER", "B-PER", "O"]),
///     (EntityScheme::Ioe1, ["I-PER", "E-PER", "I-PER", "O"]),
///     (EntityScheme::Ioe2, ["I-PER", "E-PER", "E-PER", "O"]),
///     (EntityScheme::Iobes, ["B-PER", "E-PER", "S-PER", "O"]),
///     (EntityScheme::Bilou, ["B-PER", "L-PER", "U-PER", "O"]),
/// ] {
///     let found = entities(&tags, EntityMode::Strict(scheme))?;
///     let spans: Vec<_> = found.iter().map(|entity| entity.start..entity.end).collect();
///     assert_eq!(spans, [0..2, 2..3], "{scheme:?}");
/// }
/// # Ok::<(), metrics::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EntityScheme {
    /// `I`, `O`; `B` where an entity follows one of its own type.
    Iob1,
    /// `B` begins every entity.
    Iob2,
    /// `I`, `O`; `E` where an entity precedes one of its own type.
    Ioe1,
    /// `E` ends every entity.
    Ioe2,
    /// `B`, `I`, `E`; `S` for an entity of one token.
    Iobes,
    /// `B`, `I`, `L`; `U` for an entity of one token.
    Bilou,
}

/// What must hold of the types of two neighbouring tags.
#[derive(Clone, Copy)]
enum Types {
    Same,
    Different,
    Any,
}

/// A pattern of two neighbouring tags: letters of the first, letters of the second, their types.
type Pattern = (&'static str, &'static str, Types);

const ALL: &str = "IOBESUL";

/// Where entities begin, go on and end, as seqeval defines it: where one begins and never ends, as an unfinished
/// `B-X I-X` in `Iobes`, there is no entity.
struct Rules {
    letters: &'static str,
    begins: &'static [Pattern],
    inside: &'static [Pattern],
    ends: &'static [Pattern],
}

use Types::{Any, Different, Same};

const IOB1: Rules = Rules {
    letters: "IOB",
    begins: &[("O", "I", Any), ("I", "I", Different), ("B", "I", Any), ("IB", "B", Same)],
    inside: &[("BI", "I", Same)],
    ends: &[("BI", "I", Different), ("BI", "O", Any), ("I", "B", Any), ("B", "B", Same)],
};
const IOB2: Rules = Rules {
    letters: "IOB",
    begins: &[(ALL, "B", Any)],
    inside: &[("BI", "I", Same)],
    ends: &[("BI", "OB", Any), ("BI", "I", Different)],
};
const IOE1: Rules = Rules {
    letters: "IOE",
    begins: &[("OE", "I", Any), ("I", "I", Different), ("E", "E", Same)],
    inside: &[("I", "IE", Same)],
    ends: &[("I", "IE", Different), ("I", "O", Any), ("E", "IE", Same)],
};
const IOE2: Rules = Rules {
    letters: "IOE",
    begins: &[("OE", "IE", Any), ("I", "IE", Different)],
    inside: &[("I", "IE", Same)],
    ends: &[("E", ALL, Any)],
};
const IOBES: Rules = Rules {
    letters: "IOBES",
    begins: &[(ALL, "BS", Any)],
    inside: &[("BI", "IE", Same)],
    ends: &[("SE", ALL, Any)],
};
const BILOU: Rules = Rules {
    letters: "IOBUL",
    begins: &[(ALL, "BU", Any)],
    inside: &[("BI", "IL", Same)],
    ends: &[("UL", ALL, Any)],
};

impl EntityScheme {
    /// The scheme whose letters a corpus uses: `Iob2`, `Ioe2`, `Iobes` or `Bilou`, as seqeval detects it.
    ///
    /// ```
    /// use metrics::EntityScheme;
    /// let tags = [vec!["B-PER", "E-PER", "O"], vec!["S-LOC"]];
    /// assert_eq!(EntityScheme::detect(&tags), Some(EntityScheme::Iobes));
    /// assert_eq!(EntityScheme::detect(&[["I-PER", "O"]]), None);       // Iob1 or Ioe1
    /// ```
    pub fn detect<R: AsRef<[T]>, T: AsRef<str>>(corpus: &[R]) -> Option<Self> {
        let tags = corpus.iter().flat_map(AsRef::as_ref);
        let mut letters: Vec<char> = tags.filter_map(|tag| tag.as_ref().chars().next()).collect();
        letters.sort_unstable();
        letters.dedup();
        match letters.iter().collect::<String>().as_str() {
            "BIO" | "BI" | "BO" | "B" => Some(Self::Iob2),
            "EIO" | "EI" | "EO" | "E" => Some(Self::Ioe2),
            "BEIOS" | "BEIS" | "BEIO" | "BEOS" | "BEI" | "BES" | "BEO" | "BE" | "S" => Some(Self::Iobes),
            "BILOU" | "BILU" | "BILO" | "BLOU" | "BIL" | "BLU" | "BLO" | "BL" | "U" => Some(Self::Bilou),
            _ => None,
        }
    }

    fn rules(self) -> &'static Rules {
        match self {
            Self::Iob1 => &IOB1,
            Self::Iob2 => &IOB2,
            Self::Ioe1 => &IOE1,
            Self::Ioe2 => &IOE2,
            Self::Iobes => &IOBES,
            Self::Bilou => &BILOU,
        }
    }
}

/// A letter and a type.
type Tag<'t> = (char, &'t str);

const OUTSIDE: Tag<'static> = ('O', "_");

fn fits(patterns: &[Pattern], before: Tag<'_>, tag: Tag<'_>) -> bool {
    patterns.iter().any(|(first, second, types)| {
        let types = match types {
            Same => before.1 == tag.1,
            Different => before.1 != tag.1,
            Any => true,
        };
        types && first.contains(before.0) && second.contains(tag.0)
    })
}

/// Type, first token and the token behind the last of each entity.
pub(super) type Span<'t> = (&'t str, usize, usize);

/// The entities of one sequence by the rules of a scheme.
pub(super) fn strict<'t, T: AsRef<str>>(tags: &'t [T], scheme: EntityScheme) -> Result<Vec<Span<'t>>, Error> {
    let rules = scheme.rules();
    let mut parsed = Vec::with_capacity(tags.len() + 1);
    for (position, tag) in tags.iter().enumerate() {
        let tag = tag.as_ref();
        let letter = tag.chars().next().filter(|letter| rules.letters.contains(*letter));
        let Some(letter) = letter else {
            return Err(Error::Tag { position, tag: tag.to_owned(), letters: rules.letters });
        };
        let kind = tag[letter.len_utf8()..].trim_matches('-');
        parsed.push((letter, if kind.is_empty() { "_" } else { kind }));
    }
    parsed.push(OUTSIDE);
    let mut entities = Vec::new();
    let (mut i, mut before) = (0, OUTSIDE);
    while i < parsed.len() {
        let start = i;
        i += 1;
        if fits(rules.begins, before, parsed[start]) {
            while i < parsed.len() && fits(rules.inside, parsed[i - 1], parsed[i]) {
                i += 1;
            }
            if i < parsed.len() && fits(rules.ends, parsed[i - 1], parsed[i]) {
                entities.push((parsed[start].1, start, i));
            }
        }
        before = parsed[i - 1];
    }
    Ok(entities)
}

/// The entities of one sequence as conlleval finds them: any tag but `O` belongs to one, and letters and types
/// only say where one ends and the next begins.
pub(super) fn lenient<T: AsRef<str>>(tags: &[T]) -> Result<Vec<Span<'_>>, Error> {
    let mut entities = Vec::new();
    let (mut before, mut start) = (OUTSIDE, 0);
    for position in 0..=tags.len() {
        let tag = match tags.get(position) {
            Some(tag) => split(tag.as_ref(), position)?,
            None => OUTSIDE,
        };
        let changed = before.1 != tag.1;
        let ends = match (before.0, tag.0) {
            ('E' | 'S', _) | ('B' | 'I', 'B' | 'S' | 'O') => true,
            ('O' | '.', _) => false,
            _ => changed,
        };
        if ends {
            entities.push((before.1, start, position));
        }
        let begins = match (before.0, tag.0) {
            (_, 'B' | 'S') | ('E' | 'S' | 'O', 'E' | 'I') => true,
            (_, 'O' | '.') => false,
            _ => changed,
        };
        if begins {
            start = position;
        }
        before = tag;
    }
    Ok(entities)
}

fn split(tag: &str, position: usize) -> Result<Tag<'_>, Error> {
    let Some(letter) = tag.chars().next() else {
        return Err(Error::Tag { position, tag: String::new(), letters: ALL });
    };
    let rest = &tag[letter.len_utf8()..];
    let kind = rest.split_once('-').map_or(rest, |(_, kind)| kind);
    Ok((letter, if kind.is_empty() { "_" } else { kind }))
}
