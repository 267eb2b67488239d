//! Splits the text of a filter into tokens that know where they stand.

use super::FilterError;

/// What a token is. Keywords are words: only the place decides, so that `country = IN` is India.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Word(String),
    Quoted(String),
    Equal,
    NotEqual,
    Below,
    AtMost,
    Above,
    AtLeast,
    And,
    Or,
    Not,
    Open,
    Close,
    Comma,
}

/// A token and where it stands, in characters.
#[derive(Clone, Debug)]
pub(super) struct Token {
    pub kind: Kind,
    pub position: usize,
    pub length: usize,
}

/// Every token of the text, comments and white space left out.
pub(super) fn tokens(characters: &[char]) -> Result<Vec<Token>, FilterError> {
    let mut lexer = Lexer { characters, position: 0 };
    let mut tokens = Vec::new();
    loop {
        lexer.skip_blanks()?;
        let position = lexer.position;
        let Some(first) = lexer.next() else { return Ok(tokens) };
        let kind = lexer.kind(first, position)?;
        tokens.push(Token { kind, position, length: lexer.position - position });
    }
}

struct Lexer<'a> {
    characters: &'a [char],
    position: usize,
}

impl Lexer<'_> {
    fn peek(&self, ahead: usize) -> Option<char> {
        self.characters.get(self.position + ahead).copied()
    }

    fn next(&mut self) -> Option<char> {
        let character = self.peek(0)?;
        self.position += 1;
        Some(character)
    }

    fn take(&mut self, wanted: char) -> bool {
        let found = self.peek(0) == Some(wanted);
        self.position += usize::from(found);
        found
    }

    fn at(&self, wanted: [char; 2]) -> bool {
        self.peek(0) == Some(wanted[0]) && self.peek(1) == Some(wanted[1])
    }

    fn skip_blanks(&mut self) -> Result<(), FilterError> {
        loop {
            if self.at(['-', '-']) {
                while self.next().is_some_and(|character| character != '\n') {}
            } else if self.at(['/', '*']) {
                let start = self.position;
                self.position += 2;
                while !self.at(['*', '/']) {
                    if self.next().is_none() {
                        return Err(FilterError::new(start, 2, "this comment has no end: write */ after it"));
                    }
                }
                self.position += 2;
            } else if self.peek(0).is_some_and(char::is_whitespace) {
                self.position += 1;
            } else {
                return Ok(());
            }
        }
    }

    fn kind(&mut self, first: char, position: usize) -> Result<Kind, FilterError> {
        Ok(match first {
            '(' => Kind::Open,
            ')' => Kind::Close,
            ',' => Kind::Comma,
            '=' => {
                self.take('=');
                Kind::Equal
            }
            '!' if self.take('=') => Kind::NotEqual,
            '!' => Kind::Not,
            '<' if self.take('=') => Kind::AtMost,
            '<' if self.take('>') => Kind::NotEqual,
            '<' => Kind::Below,
            '>' if self.take('=') => Kind::AtLeast,
            '>' => Kind::Above,
            '&' if self.take('&') => Kind::And,
            '|' if self.take('|') => Kind::Or,
            '&' => return Err(FilterError::new(position, 1, "a single & means nothing here: write and")),
            '|' => return Err(FilterError::new(position, 1, "a single | means nothing here: write or")),
            '"' | '\'' => Kind::Quoted(self.quoted(first, position)?),
            character if is_of_word(character) => {
                let mut word = String::from(character);
                while let Some(character) = self.peek(0) {
                    if !is_of_word(character) || self.at(['-', '-']) || self.at(['/', '*']) {
                        break;
                    }
                    word.push(character);
                    self.position += 1;
                }
                Kind::Word(word)
            }
            character => {
                let message = format!(
                    "{character:?} means nothing here: put text with such characters in quotes, like \"text\""
                );
                return Err(FilterError::new(position, 1, message));
            }
        })
    }

    fn quoted(&mut self, quote: char, start: usize) -> Result<String, FilterError> {
        let mut text = String::new();
        loop {
            match self.next() {
                Some(character) if character == quote => return Ok(text),
                Some('\\') if self.peek(0).is_some_and(|next| next == '\\' || is_quote(next)) => {
                    text.extend(self.next());
                }
                Some(character) => text.push(character),
                None => {
                    let message = format!("this text has no end: write {quote} after it");
                    return Err(FilterError::new(start, self.position - start, message));
                }
            }
        }
    }
}

pub(super) fn is_quote(character: char) -> bool {
    matches!(character, '"' | '\'')
}

pub(super) fn is_of_word(character: char) -> bool {
    character.is_alphanumeric() || matches!(character, '_' | '.' | ':' | '/' | '-' | '+')
}
