//! Text without what steers it, for where it stands beside other text on one line.
//!
//! Names, titles and filters can hold anything. Marks that turn the direction of text, and what has no width, are taken
//! out; a control character becomes a replacement character, any other white space a space.

/// A narrow space: it groups the digits of a number and binds its unit.
const THIN: char = '\u{202f}';

/// A text on one line.
pub fn plain(text: &str) -> String {
    text.chars().filter_map(cleaned).collect()
}

/// The same of at most so many characters; what is longer ends with an ellipsis.
pub fn plain_at_most(most: usize, text: &str) -> String {
    let mut clean: String = text.chars().take(most).filter_map(cleaned).collect();
    if text.chars().nth(most).is_some() {
        clean.push('…');
    }
    clean
}

/// What stands for a character; `None` when nothing does.
fn cleaned(character: char) -> Option<char> {
    match character {
        THIN | '\u{a0}' => Some(character),
        _ if character.is_whitespace() => Some(' '),
        _ if character.is_control() => Some('\u{fffd}'),
        // Soft hyphen, joiners, marks and overrides of direction, variation selectors, tags, byte order mark.
        '\u{ad}'
        | '\u{34f}'
        | '\u{61c}'
        | '\u{115f}'..='\u{1160}'
        | '\u{17b4}'..='\u{17b5}'
        | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}'
        | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}'
        | '\u{3164}'
        | '\u{fe00}'..='\u{fe0f}'
        | '\u{feff}'
        | '\u{ffa0}'
        | '\u{e0000}'..='\u{e0fff}' => None,
        // Annotation marks and what is no character.
        '\u{fff0}'..='\u{fffb}' | '\u{fdd0}'..='\u{fdef}' => Some('\u{fffd}'),
        _ if u32::from(character) & 0xfffe == 0xfffe => Some('\u{fffd}'),
        _ => Some(character),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_steers_text_is_taken_out_and_the_rest_stays() {
        assert_eq!(plain("a\u{202e}b\u{200f}c\u{feff}d"), "abcd");
        assert_eq!(plain("one\ttwo\r\nthree\u{0}\u{1b}[31m"), "one two  three\u{fffd}\u{fffd}[31m");
        assert_eq!(plain("12\u{202f}345 שלום 東京 😀"), "12\u{202f}345 שלום 東京 😀");
        assert_eq!(plain_at_most(3, "a\u{202e}bcd"), "ab…");
        assert_eq!(plain_at_most(3, "abc"), "abc");
    }
}
