//! The dialect of regular expressions that `tokenizer.json` is written in, told to our engine.
//!
//! Oniguruma reads much of what other engines read, in its own way: `^` and `$` are those of every line, `(?m)` lets the
//! dot match line breaks, an option reaches over the alternatives that follow it, letters match across folds of several
//! characters (`ß` and `ss`), and brackets take all of Unicode. Since a pattern that is read in another way gives other
//! ids without a word, only what is known to mean the same passes; all else is an error.

use std::iter::Peekable;
use std::str::CharIndices;
use std::sync::LazyLock;

/// Word characters within brackets.
const WORD: &str = r"\p{Alphabetic}\p{M}\p{Nd}\p{Pc}";
/// More of them outside: the fractions and superscripts of Latin-1. Joiners are none, inside or outside.
const LATIN_1: &str = "²³¹¼½¾";

/// Characters whose folded case is several characters, with these: `ß` and `ss`.
static FOLDS: LazyLock<Vec<(char, String)>> = LazyLock::new(|| {
    // All of them lie in these blocks.
    let blocks = ('\u{df}'..='\u{587}').chain('\u{1e96}'..='\u{1ffc}').chain('\u{fb00}'..='\u{fb17}');
    let fold = |character: char| {
        let upper: Vec<char> = character.to_lowercase().flat_map(char::to_uppercase).collect();
        let folded = upper.iter().flat_map(|upper| upper.to_lowercase()).collect();
        (upper.len() > 1).then_some((character, folded))
    };
    blocks.filter_map(fold).collect()
});

/// An expression for our engine that matches as Oniguruma matches `pattern`, or what in it cannot be said.
pub(crate) fn translate(pattern: &str) -> Result<String, String> {
    let mut translator = Translator {
        pattern,
        chars: pattern.char_indices().peekable(),
        out: String::with_capacity(pattern.len()),
        scopes: vec![Scope::default()],
        letters: String::new(),
        names: Vec::new(),
        has_numbers: false,
    };
    translator.run()?;
    Ok(translator.out)
}

/// The options within a group.
#[derive(Clone, Copy, Default)]
struct Scope {
    ignore_case: bool,
    /// Whitespace and comments mean nothing.
    extended: bool,
    /// Groups that were opened for options and end with this one.
    opened: usize,
}

struct Translator<'p> {
    pattern: &'p str,
    chars: Peekable<CharIndices<'p>>,
    out: String,
    /// The groups around, from the outermost; the first is the whole pattern.
    scopes: Vec<Scope>,
    /// The letters that stand side by side up to here, in lower case, where case is ignored.
    letters: String,
    /// The names of groups.
    names: Vec<&'p str>,
    /// Whether groups are referred to by number.
    has_numbers: bool,
}

impl<'p> Translator<'p> {
    fn run(&mut self) -> Result<(), String> {
        while let Some((at, character)) = self.chars.next() {
            match character {
                '\\' => self.escape(at)?,
                '[' => {
                    self.letters.clear();
                    self.brackets(at)?;
                }
                '(' => self.group(at)?,
                ')' => {
                    let opened = if self.scopes.len() > 1 { self.scopes.pop() } else { None };
                    self.out.extend(std::iter::repeat_n(')', 1 + opened.map_or(0, |scope| scope.opened)));
                }
                '^' => self.out.push_str("(?m:^)"),
                '$' => self.out.push_str("(?m:$)"),
                '#' if self.scope().extended => {
                    while self.chars.next().is_some_and(|(_, next)| next != '\n') {}
                }
                _ if self.scope().extended && character.is_whitespace() => {}
                '.' | '|' | '*' | '+' | '?' | '{' | '}' => {
                    self.letters.clear();
                    self.out.push(character);
                }
                _ => {
                    self.out.push(character);
                    self.letter(at, character)?;
                }
            }
        }
        let opened = self.scope().opened;
        self.out.extend(std::iter::repeat_n(')', opened));
        if !self.names.is_empty() && self.has_numbers {
            return Err("groups are referred to by number beside groups with names".to_owned());
        }
        Ok(())
    }

    fn scope(&mut self) -> &mut Scope {
        // The first is never taken away.
        let last = self.scopes.len() - 1;
        &mut self.scopes[last]
    }

    fn refuse<T>(&self, at: usize, what: &str) -> Result<T, String> {
        let shown: String = self.pattern[at..].chars().take(12).collect();
        Err(format!("{what} at byte {at} ({shown:?}) cannot be followed"))
    }

    /// Refuses letters whose case is ignored and that match another number of letters in Oniguruma.
    fn letter(&mut self, at: usize, character: char) -> Result<(), String> {
        if !self.scope().ignore_case {
            return Ok(());
        }
        self.letters.extend(character.to_lowercase());
        let is_folded = |(single, several): &(char, String)| {
            self.letters.contains(*single) || self.letters.contains(several)
        };
        if FOLDS.iter().any(is_folded) {
            return self.refuse(at, "a letter that is the same as several when case is ignored");
        }
        Ok(())
    }

    /// What follows an opening parenthesis.
    fn group(&mut self, at: usize) -> Result<(), String> {
        let rest = &self.pattern[at..];
        if rest.starts_with("(?#") {
            // Up to the first parenthesis without a backslash.
            while let Some((_, character)) = self.chars.next() {
                match character {
                    ')' => return Ok(()),
                    '\\' => drop(self.chars.next()),
                    _ => {}
                }
            }
            return self.refuse(at, "a comment without an end");
        }
        let scope = Scope { opened: 0, ..*self.scope() };
        let known = ["(?:", "(?=", "(?!", "(?<=", "(?<!", "(?>"];
        if let Some(opening) = known.iter().find(|&&opening| rest.starts_with(opening)) {
            self.take(opening);
        } else if rest.starts_with("(?~") && !rest.starts_with("(?~|") {
            self.take("(?~");
        } else if let Some(named) = rest.strip_prefix("(?<") {
            let name = named.split_once('>').map_or("", |(name, _)| name);
            if self.names.contains(&name) {
                return self.refuse(at, "a name that two groups have");
            }
            self.names.push(name);
            self.take("(?<");
        } else if rest.starts_with("(?") {
            return self.options(at, scope);
        } else if rest.starts_with("(*") {
            return self.refuse(at, "a callout");
        } else {
            self.out.push('(');
        }
        self.scopes.push(scope);
        Ok(())
    }

    /// Writes an opening whose first character has been read.
    fn take(&mut self, opening: &str) {
        self.out.push_str(opening);
        self.chars.nth(opening.len() - 2);
    }

    /// `(?im-x:` and `(?im-x)`, of which the second reaches to the end of the group around it, alternatives included.
    fn options(&mut self, at: usize, mut scope: Scope) -> Result<(), String> {
        self.chars.next();
        let (mut value, mut on, mut off) = (true, String::new(), String::new());
        loop {
            match self.chars.next().map(|(_, character)| character) {
                Some('-') => value = false,
                Some('x') => scope.extended = value,
                Some('i') => {
                    scope.ignore_case = value;
                    if value { &mut on } else { &mut off }.push('i');
                }
                Some('m') => if value { &mut on } else { &mut off }.push('s'),
                Some(end @ (':' | ')')) => {
                    let minus = if off.is_empty() { "" } else { "-" };
                    self.out += &format!("(?{on}{minus}{off}:");
                    if end == ':' {
                        self.scopes.push(scope);
                    } else {
                        let opened = self.scope().opened + 1;
                        *self.scope() = Scope { opened, ..scope };
                    }
                    return Ok(());
                }
                _ => return self.refuse(at, "the group or option"),
            }
        }
    }

    /// What follows a backslash outside of brackets.
    fn escape(&mut self, at: usize) -> Result<(), String> {
        let Some((_, escaped)) = self.chars.next() else { return self.refuse(at, "a backslash at the end") };
        let word = format!("[{WORD}{LATIN_1}]");
        if !escaped.is_ascii_alphanumeric() {
            self.escaped_symbol(escaped);
            return self.letter(at, escaped);
        }
        if matches!(escaped, 'x' | 'u') {
            let character = self.code_point(at, escaped)?;
            self.out += &format!("\\x{{{:x}}}", u32::from(character));
            return self.letter(at, character);
        }
        self.letters.clear();
        match escaped {
            'w' => self.out.push_str(&word),
            'W' => self.out += &format!("[^{WORD}{LATIN_1}]"),
            'b' | 'B' if self.chars.peek().is_some_and(|(_, next)| "*+?{".contains(*next)) => {
                return self.refuse(at, "a boundary that is repeated");
            }
            'b' => self.out += &format!("(?:(?<={word})(?!{word})|(?<!{word})(?={word}))"),
            'B' => self.out += &format!("(?:(?<={word})(?={word})|(?<!{word})(?!{word}))"),
            'Z' => self.out.push_str(r"(?=\n?\z)"),
            // Outside of brackets, properties do not know that case is ignored.
            'p' | 'P' if self.scope().ignore_case => {
                self.out.push_str("(?-i:");
                self.property(at, escaped)?;
                self.out.push(')');
            }
            'p' | 'P' => self.property(at, escaped)?,
            '1'..='9' => {
                self.has_numbers = true;
                self.out.extend(['\\', escaped]);
            }
            'k' | 'g' => {
                self.has_numbers |= self.chars.clone().nth(1).is_some_and(|(_, next)| !next.is_alphabetic());
                self.out.extend(['\\', escaped]);
            }
            _ => self.plain_escape(at, escaped, "AzGKRNO")?,
        }
        Ok(())
    }

    /// What is no letter and no digit stands for itself behind a backslash.
    fn escaped_symbol(&mut self, symbol: char) {
        if symbol.is_ascii() {
            self.out.push('\\');
        }
        self.out.push(symbol);
    }

    /// An escape that means the same to both, or one of `more`.
    fn plain_escape(&mut self, at: usize, escaped: char, more: &str) -> Result<(), String> {
        if !"dDsShHtnrfvaecC".contains(escaped) && !more.contains(escaped) {
            return self.refuse(at, "the escape");
        }
        self.out.extend(['\\', escaped]);
        Ok(())
    }

    /// The character of `\x61`, `\x{61}` or `\u0061`, of which `x` or `u` has been read.
    fn code_point(&mut self, at: usize, escaped: char) -> Result<char, String> {
        let rest = &self.pattern[at + 2..];
        let (digits, length) = match rest.strip_prefix('{').and_then(|rest| rest.split_once('}')) {
            Some((digits, _)) if escaped == 'x' => (digits, digits.len() + 2),
            _ => {
                let length = if escaped == 'x' { 2 } else { 4 };
                (rest.get(..length).unwrap_or_default(), length)
            }
        };
        let is_hex = !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
        let code = if is_hex { u32::from_str_radix(digits, 16).ok() } else { None };
        // Two digits beyond ASCII are a byte of an encoded character.
        let is_byte = length == 2 && code.is_some_and(|code| code > 0x7f);
        match code.and_then(char::from_u32) {
            Some(character) if !is_byte => {
                self.chars.nth(length - 1);
                Ok(character)
            }
            _ => self.refuse(at, "the code point"),
        }
    }

    /// `\p{name}` or `\P{name}`, of which the letter has been read.
    fn property(&mut self, at: usize, escaped: char) -> Result<(), String> {
        let name = self.pattern[at + 2..].strip_prefix('{').and_then(|rest| rest.split_once('}'));
        let Some((name, _)) = name.filter(|(name, _)| !name.contains(['=', ':'])) else {
            return self.refuse(at, "the property");
        };
        self.chars.nth(name.chars().count() + 1);
        let (is_complement, name) = match name.strip_prefix('^') {
            Some(name) => (escaped == 'p', name),
            None => (escaped == 'P', name),
        };
        let class = match name.to_ascii_lowercase().as_str() {
            "graph" | "print" | "word" => return self.refuse(at, "the property"),
            "punct" => Some(r"\p{P}"),
            posix => bracket_class(posix),
        };
        match class {
            Some(class) if is_complement => self.out += &format!("[^{class}]"),
            Some(class) => self.out += &format!("[{class}]"),
            None => self.out += &format!("\\{}{{{name}}}", if is_complement { 'P' } else { 'p' }),
        }
        Ok(())
    }

    /// A class in brackets, of which the first has been read.
    fn brackets(&mut self, start: usize) -> Result<(), String> {
        self.out.push('[');
        let mut depth = 1_usize;
        self.first_in_brackets();
        while let Some((at, character)) = self.chars.next() {
            let rest = &self.pattern[at..];
            match character {
                '\\' => self.escape_in_brackets(at)?,
                '[' if rest.starts_with("[:") => {
                    let name = rest[2..].split_once(":]").map(|(name, _)| name);
                    let (is_complement, class) = match name.and_then(|name| name.strip_prefix('^')) {
                        Some(name) => (true, bracket_class(name)),
                        None => (false, name.and_then(bracket_class)),
                    };
                    let (Some(name), Some(class)) = (name, class) else {
                        return self.refuse(at, "the bracket class");
                    };
                    self.out += &if is_complement { format!("[^{class}]") } else { class.to_owned() };
                    self.chars.nth(name.chars().count() + 2);
                }
                '[' => {
                    depth += 1;
                    self.out.push('[');
                    self.first_in_brackets();
                }
                ']' => {
                    depth -= 1;
                    self.out.push(']');
                    if depth == 0 {
                        return Ok(());
                    }
                }
                '-' if rest.starts_with("--") => return self.refuse(at, "a double hyphen in brackets"),
                // To our engine two of them are an operator.
                '~' => self.out.push_str("\\~"),
                _ => {
                    self.case_in_brackets(at, character)?;
                    self.out.push(character);
                }
            }
        }
        self.refuse(start, "a bracket without an end")
    }

    /// A circumflex and a bracket, which stands for itself where it comes first.
    fn first_in_brackets(&mut self) {
        if self.chars.next_if(|&(_, next)| next == '^').is_some() {
            self.out.push('^');
        }
        if self.chars.next_if(|&(_, next)| next == ']').is_some() {
            self.out.push_str("\\]");
        }
    }

    fn escape_in_brackets(&mut self, at: usize) -> Result<(), String> {
        let Some((_, escaped)) = self.chars.next() else { return self.refuse(at, "a backslash at the end") };
        match escaped {
            'w' => self.out.push_str(WORD),
            'W' => self.out += &format!("[^{WORD}]"),
            'p' | 'P' => self.property(at, escaped)?,
            'x' | 'u' => {
                let character = self.code_point(at, escaped)?;
                self.case_in_brackets(at, character)?;
                self.out += &format!("\\x{{{:x}}}", u32::from(character));
            }
            _ if escaped.is_ascii_alphanumeric() => self.plain_escape(at, escaped, "b")?,
            _ => {
                self.case_in_brackets(at, escaped)?;
                self.escaped_symbol(escaped);
            }
        }
        Ok(())
    }

    /// Where case is ignored, a class with `ß` matches `ss`, and so does a range over it.
    fn case_in_brackets(&mut self, at: usize, character: char) -> Result<(), String> {
        if self.scope().ignore_case && !character.is_ascii() {
            return self.refuse(at, "a class beyond ASCII whose case is ignored");
        }
        Ok(())
    }
}

/// What is in the class `[:name:]`.
fn bracket_class(name: &str) -> Option<&'static str> {
    Some(match name {
        "alpha" => r"\p{Alphabetic}",
        "alnum" => r"\p{Alphabetic}\p{Nd}",
        "ascii" => r"\x00-\x7f",
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
    })
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
        assert_eq!(translate("a(?m)b|.").unwrap(), "a(?s:b|.)");
        assert!(translate("[[:graph:]]").unwrap_err().contains("byte 1"));
        assert!(translate("\\").is_err());
    }

    #[test]
    fn letters_are_refused_that_fold_to_several() {
        for pattern in ["(?i)ss", "(?i)ß", "(?i)a(?:S)s", "(?i)[é]", r"(?i)\x73s"] {
            assert!(translate(pattern).is_err(), "{pattern}");
        }
        for pattern in ["ss", "(?i)s|s", "(?i:s)s", "(?i)é"] {
            assert!(translate(pattern).is_ok(), "{pattern}");
        }
    }
}
