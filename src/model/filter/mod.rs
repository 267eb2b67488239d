//! The filter language: `dst.country = "RU" and dst.port in (443, 8443) and not src.as = 15169`.
//!
//! One language everywhere: the live feed, the pages, the API and the command line. A field is written
//! with `src.` or `dst.`, or bare for either end. `=` and `in` on a bare field mean that at least one end
//! equals, `!=` and `not in` that no end does. An empty filter lets every flow pass.
//! The text comes from outside: whatever it is, parsing it ends in a filter or in an error that points at
//! the fault and says what to write instead, within the bounds below. Evaluating allocates nothing.

pub mod completion;
mod country_code;
mod evaluation;
mod expression;
mod field;
mod lexer;
mod pair;
mod parser;
#[cfg(test)]
mod tests;

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

pub use evaluation::{PlaceLookup, is_same_word};
pub use expression::{Comparison, Expression, Term, Test, Values};
pub use field::{End, FIELDS, Field};

/// The longest filter, in characters; its canonical text keeps within it as well.
pub const MAX_CHARACTERS: usize = 4_096;
/// How deep parentheses and `not` may be nested.
pub const MAX_DEPTH: usize = 64;
/// How many values a filter may compare with, all lists together.
pub const MAX_TERMS: usize = 256;

/// A filter that can be evaluated. Its `Display` is its canonical text: two spellings of one filter
/// (keywords, spaces, comments, order within a list) have the same.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Filter {
    root: Option<Expression>,
}

/// What is wrong with the text of a filter, where, and what to write instead.
#[derive(Clone, Debug, PartialEq, Eq, Error, Serialize, Deserialize)]
#[error("{message}")]
pub struct FilterError {
    /// For people: what is wrong and what to write instead.
    pub message: String,
    /// Where the fault begins, in characters from 0; the length of the text when something is missing.
    pub position: u32,
    /// How many characters the fault covers; 0 at the end of the text.
    pub length: u32,
}

impl FilterError {
    fn new(position: usize, length: usize, message: impl Into<String>) -> Self {
        let clamp = |characters: usize| u32::try_from(characters).unwrap_or(u32::MAX);
        Self { message: message.into(), position: clamp(position), length: clamp(length) }
    }
}

impl Filter {
    /// The filter that lets every flow pass.
    pub const ALL: Self = Self { root: None };

    /// True when every flow passes because nothing was asked.
    pub const fn is_all(&self) -> bool {
        self.root.is_none()
    }

    /// The filter that lets pass what passes both.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self { root: Expression::all(self.root.into_iter().chain(other.root).collect()) }
    }

    /// The filter that lets pass what passes at least one of some; of none, everything passes.
    pub fn any_of(filters: impl IntoIterator<Item = Self>) -> Self {
        let parts: Option<Vec<_>> = filters.into_iter().map(|filter| filter.root).collect();
        Self { root: parts.and_then(Expression::any) }
    }

    /// What the filter says, for those who translate it into another language; `None` lets all pass.
    pub const fn expression(&self) -> Option<&Expression> {
        self.root.as_ref()
    }
}

/// The canonical text of `field = value`, whatever is in the value; `None` when there is no such field or value.
pub fn equality(field: &str, value: &str) -> Option<String> {
    let filter = Filter::from_str(&format!("{field} = {}", expression::Quoted(value))).ok()?;
    matches!(filter.root, Some(Expression::Term(_))).then(|| filter.to_string())
}

impl FromStr for Filter {
    type Err = FilterError;

    fn from_str(text: &str) -> Result<Self, FilterError> {
        let characters: Vec<char> = text.chars().take(MAX_CHARACTERS + 1).collect();
        let too_long = || {
            FilterError::new(
                MAX_CHARACTERS,
                characters.len().saturating_sub(MAX_CHARACTERS),
                format!("a filter has at most {MAX_CHARACTERS} characters: write a shorter one"),
            )
        };
        if characters.len() > MAX_CHARACTERS {
            return Err(too_long());
        }
        let tokens = lexer::tokens(&characters)?;
        let filter = Self { root: parser::parse(&tokens, characters.len())? };
        if filter.to_string().chars().count() > MAX_CHARACTERS {
            return Err(FilterError { position: 0, ..too_long() });
        }
        Ok(filter)
    }
}

impl fmt::Display for Filter {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.root.as_ref().map_or(Ok(()), |root| root.fmt(formatter))
    }
}
