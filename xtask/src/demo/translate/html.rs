//! The text of pages of HTML, block by block: pages in two languages align where they have as many blocks.

/// Elements whose text is a block.
const BLOCKS: [&str; 12] = ["p", "li", "h1", "h2", "h3", "h4", "h5", "h6", "td", "th", "dt", "dd"];
/// Elements whose text is none.
const NO_TEXT: [&str; 3] = ["pre", "script", "style"];

/// The text of each block up to the next block inside it, white space as single spaces; blocks without text are left
/// out.
pub(super) fn blocks(html: &str) -> Vec<String> {
    let (mut found, mut open) = (Vec::new(), None);
    let mut skipped = 0_usize;
    let mut rest = html;
    while !rest.is_empty() {
        let at = rest.find('<').unwrap_or(rest.len());
        let (text, after) = rest.split_at(at);
        if let Some(block) = open.as_mut().filter(|_| skipped == 0) {
            unescape(text, block);
        }
        let Some((tag, after)) = tag(after) else {
            // A bracket that begins no tag is text.
            let length = usize::from(!after.is_empty());
            if let Some(block) = open.as_mut().filter(|_| skipped == 0) {
                block.push_str(&after[..length]);
            }
            rest = &after[length..];
            continue;
        };
        rest = after;
        let (closes, name) = tag.strip_prefix('/').map_or((false, tag), |name| (true, name));
        let end = name.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(name.len());
        let name = name[..end].to_ascii_lowercase();
        if BLOCKS.contains(&name.as_str()) {
            close(open.take(), &mut found);
            open = (!closes).then(String::new);
        } else if NO_TEXT.contains(&name.as_str()) {
            skipped = if closes { skipped.saturating_sub(1) } else { skipped + 1 };
        }
    }
    close(open, &mut found);
    found
}

fn close(block: Option<String>, found: &mut Vec<String>) {
    let text = block.map(|text| one_line(&text)).unwrap_or_default();
    if !text.is_empty() {
        found.push(text);
    }
}

/// White space as single spaces, none at the ends.
pub(super) fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The tag that `html` begins with, without brackets, and what follows it; a comment is a tag without a name.
fn tag(html: &str) -> Option<(&str, &str)> {
    if let Some(comment) = html.strip_prefix("<!--") {
        return Some(("", comment.split_once("-->").map_or("", |(_, rest)| rest)));
    }
    let inner = html.strip_prefix('<')?;
    let first = inner.chars().next()?;
    if !(first.is_ascii_alphabetic() || "/!?".contains(first)) {
        return None;
    }
    let mut quote = None;
    for (at, c) in inner.char_indices() {
        match quote {
            Some(mark) if c == mark => quote = None,
            Some(_) => {}
            None if c == '>' => return Some((&inner[..at], &inner[at + 1..])),
            None if c == '"' || c == '\'' => quote = Some(c),
            None => {}
        }
    }
    None
}

/// Appends text with the characters that entities stand for; one that is unknown stays as it is.
fn unescape(text: &str, out: &mut String) {
    let mut parts = text.split('&');
    out.push_str(parts.next().unwrap_or_default());
    for part in parts {
        let known = part.split_once(';').and_then(|(name, rest)| Some((entity(name)?, rest)));
        match known {
            Some((character, rest)) => {
                out.push(character);
                out.push_str(rest);
            }
            None => {
                out.push('&');
                out.push_str(part);
            }
        }
    }
}

fn entity(name: &str) -> Option<char> {
    if let Some(number) = name.strip_prefix('#') {
        let code = match number.strip_prefix(['x', 'X']) {
            Some(hex) => u32::from_str_radix(hex, 16),
            None => number.parse(),
        };
        return char::from_u32(code.ok()?);
    }
    Some(match name {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        "nbsp" => '\u{a0}',
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_have_their_text_and_no_code() {
        let html = "<h1 title='a > b'>One</h1> lost <ul><li>two\n  <b>three</b><p>four</p>lost</li></ul>\
                    <!-- <p>no</p> --><p>five<pre><p>code</p></pre><td>a < b<p></p><DD>six";
        assert_eq!(blocks(html), ["One", "two three", "four", "five", "a < b", "six"]);
        assert!(blocks("<p").is_empty() && blocks("<!-- <p>a").is_empty());
    }

    #[test]
    fn entities_are_characters() {
        assert_eq!(
            blocks("<p>&lt;a&#x26;b&#10;&nbsp;c&amp;lt; &no; & &#xd800;</p>"),
            ["<a&b c&lt; &no; & &#xd800;"]
        );
    }
}
