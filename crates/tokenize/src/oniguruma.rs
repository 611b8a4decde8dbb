//! The dialect of regular expressions that `tokenizer.json` is written in, where it differs from our engine's.
//!
//! Oniguruma counts the fractions and superscripts of Latin-1 as word characters outside of brackets, but no joiners,
//! and its bracket classes such as `[:alpha:]` take all of Unicode.

/// Word characters within brackets.
const WORD: &str = r"\p{Alphabetic}\p{M}\p{Nd}\p{Pc}";
/// More of them outside.
const LATIN_1: &str = "²³¹¼½¾";

/// An expression for our engine that matches as Oniguruma matches `pattern`, or what in it cannot be said.
pub(crate) fn translate(pattern: &str) -> Result<String, String> {
    let mut out = String::with_capacity(pattern.len());
    let mut chars = pattern.char_indices().peekable();
    let mut depth = 0_usize;
    while let Some((at, character)) = chars.next() {
        match character {
            '\\' => match chars.next() {
                Some((_, escaped)) => escape(escaped, depth > 0, &mut out),
                None => out.push('\\'),
            },
            '[' if depth > 0 && pattern[at..].starts_with("[:") => {
                let name = pattern[at..].find(":]").map(|end| &pattern[at + 2..at + end]);
                let Some((name, class)) = name.and_then(|name| Some((name, bracket_class(name)?))) else {
                    return Err(format!("the bracket class at byte {at} is not known"));
                };
                out.push_str(&class);
                chars.nth(name.chars().count() + 2);
            }
            '[' => {
                depth += 1;
                out.push('[');
                if chars.next_if(|&(_, next)| next == '^').is_some() {
                    out.push('^');
                }
                // A bracket that comes first stands for itself.
                if chars.next_if(|&(_, next)| next == ']').is_some() {
                    out.push_str("\\]");
                }
            }
            ']' => {
                depth = depth.saturating_sub(1);
                out.push(']');
            }
            _ => out.push(character),
        }
    }
    Ok(out)
}

fn escape(escaped: char, in_brackets: bool, out: &mut String) {
    let word = format!("[{WORD}{LATIN_1}]");
    match (escaped, in_brackets) {
        ('w', false) => out.push_str(&word),
        ('W', false) => *out += &format!("[^{WORD}{LATIN_1}]"),
        ('w', true) => out.push_str(WORD),
        ('W', true) => *out += &format!("[^{WORD}]"),
        ('b', false) => *out += &format!("(?:(?<={word})(?!{word})|(?<!{word})(?={word}))"),
        ('B', false) => *out += &format!("(?:(?<={word})(?={word})|(?<!{word})(?!{word}))"),
        _ => out.extend(['\\', escaped]),
    }
}

/// The class `[:name:]`, or with a circumflex its complement.
fn bracket_class(name: &str) -> Option<String> {
    let (is_complement, name) = match name.strip_prefix('^') {
        Some(name) => (true, name),
        None => (false, name),
    };
    let class = match name {
        "alpha" => r"\p{Alphabetic}",
        "alnum" => r"\p{Alphabetic}\p{Nd}",
        "blank" => r"\t\p{Zs}",
        "cntrl" => r"\p{Cc}",
        "digit" => r"\p{Nd}",
        "lower" => r"\p{Lowercase}",
        "punct" => r"\p{P}\p{S}",
        "space" => r"\s",
        "upper" => r"\p{Uppercase}",
        "word" => WORD,
        "xdigit" => "0-9A-Fa-f",
        _ => return None,
    };
    Some(if is_complement { format!("[^{class}]") } else { class.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::translate;

    #[test]
    fn only_what_differs_changes() {
        let same = r"(?i:'s|'t)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+";
        assert_eq!(translate(same).unwrap(), same);
        assert_eq!(translate(r"[\w\]-]").unwrap(), r"[\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\]-]");
        assert_eq!(translate("[]a]").unwrap(), r"[\]a]");
        assert_eq!(translate("[^[:digit:]x]").unwrap(), r"[^\p{Nd}x]");
        assert_eq!(translate("a[[:^space:]]").unwrap(), r"a[[^\s]]");
        assert!(translate("[[:graph:]]").unwrap_err().contains("byte 1"));
        assert_eq!(translate("\\").unwrap(), "\\");
    }
}
