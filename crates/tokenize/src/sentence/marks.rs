//! Which characters end, close, open and join sentences.

/// Ends a sentence of Chinese or Japanese, whatever follows.
pub(super) fn is_wide_stop(c: char) -> bool {
    matches!(c, '。' | '！' | '？' | '｡' | '\u{203c}' | '\u{2047}'..='\u{2049}')
}

/// Ends a sentence where white space and a new beginning follow.
pub(super) fn is_stop(c: char) -> bool {
    matches!(c, '.' | '!' | '?' | '…' | '‽' | '؟' | '۔' | '।' | '॥') || is_wide_stop(c)
}

/// A quotation mark or bracket that closes, or may.
pub(super) fn is_closer(c: char) -> bool {
    matches!(
        c,
        '"' | '\''
            | '”'
            | '’'
            | '»'
            | ')'
            | ']'
            | '}'
            | '」'
            | '』'
            | '）'
            | '】'
            | '》'
            | '〉'
            | '〕'
            | '〗'
            | '｝'
            | '］'
            | '｣'
    )
}

/// A quotation mark or bracket that opens, or may; or what may stand before the first word of a sentence.
pub(super) fn is_opener(c: char) -> bool {
    matches!(
        c,
        '"' | '\''
            | '“'
            | '‘'
            | '«'
            | '('
            | '['
            | '{'
            | '¿'
            | '¡'
            | '`'
            | '*'
            | '_'
            | '「'
            | '『'
            | '（'
            | '【'
            | '《'
            | '〈'
            | '〔'
            | '〖'
    )
}

/// Goes on with the sentence that seemed to end.
pub(super) fn is_joiner(c: char) -> bool {
    matches!(c, '，' | '、' | '；' | '：' | ',' | ';' | ':')
}

/// Han characters and kana: written without spaces.
pub(super) fn is_wide_letter(c: char) -> bool {
    matches!(c, '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{323af}')
}

/// A mark before an item of a list.
pub(super) fn is_bullet(c: char) -> bool {
    matches!(c, '-' | '*' | '•' | '·' | '‣' | '◦' | '▪' | '–' | '—' | '●' | '■' | '○')
}
