//! What can be written at the caret of a filter, and what it takes the place of.
//!
//! This knows the language alone: the values of a field come from those who have seen some. Positions are in characters.

use super::expression::Quoted;
use super::field::{End, FIELDS, Field};
use super::lexer::{self, Kind, Token};
use crate::model::traffic::Direction;

/// What is expected at the caret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expected {
    /// A field.
    Field,
    /// A comparison of this field.
    Operator(Field),
    /// A value of this field; within a list or not.
    Value {
        /// The field.
        field: Field,
        /// True within parentheses.
        in_list: bool,
    },
    /// `,` or `)` of a list.
    ListGoesOn,
    /// `and` or `or`.
    Joint,
    /// Nothing that could be offered.
    Nothing,
}

/// The caret's place in a filter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// What can stand here.
    pub expected: Expected,
    /// What of it is typed already, without quotes.
    pub typed: String,
    /// Where the word begins that is being typed.
    pub start: usize,
    /// Where it ends, maybe behind the caret.
    pub end: usize,
}

/// Something that can be written here.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Offer {
    /// What is written for it.
    pub insert: String,
    /// What the list shows.
    pub shown: String,
    /// What it means.
    pub note: String,
}

/// What is expected at the caret of `text`, of which the first `caret` characters are before it.
pub fn place(text: &str, caret: usize) -> Place {
    let characters: Vec<char> = text.chars().collect();
    let caret = caret.min(characters.len());
    let before = characters.get(..caret).unwrap_or_default();
    let nothing = || Place { expected: Expected::Nothing, typed: String::new(), start: caret, end: caret };
    let (mut tokens, open_quote) = match lexer::tokens(before) {
        Ok(tokens) => (tokens, None),
        // A text without end is the value that is being typed.
        Err(error) => {
            let start = usize::try_from(error.position).unwrap_or(caret);
            let is_quote = before.get(start).is_some_and(|first| lexer::is_quote(*first));
            match lexer::tokens(before.get(..start).unwrap_or_default()) {
                Ok(tokens) if is_quote => (tokens, Some(start)),
                _ => return nothing(),
            }
        }
    };
    let (typed, start) = if let Some(start) = open_quote {
        (before.get(start + 1..).unwrap_or_default().iter().collect(), start)
    } else {
        let is_at_caret = |token: &Token| token.position + token.length == caret;
        match tokens
            .last()
            .filter(|token| is_at_caret(token))
            .map(|token| (token.kind.clone(), token.position))
        {
            Some((Kind::Word(word), position)) => {
                tokens.pop();
                (word, position)
            }
            Some((Kind::Quoted(_), _)) => return nothing(),
            _ => (String::new(), caret),
        }
    };
    let mut end = caret;
    let belongs = |character: &char| {
        if open_quote.is_some() { !lexer::is_quote(*character) } else { lexer::is_of_word(*character) }
    };
    // A word that is being corrected goes on behind the caret; a word that is just begun does not swallow the next.
    if !typed.is_empty() || open_quote.is_some() {
        let rest = characters.get(caret..).unwrap_or_default();
        let going_on = rest.iter().take_while(|character| belongs(character)).count();
        let is_closed = rest.get(going_on).is_some_and(|character| lexer::is_quote(*character));
        if open_quote.is_none() || is_closed {
            end += going_on + usize::from(open_quote.is_some());
        }
    }
    Place { expected: expected(&tokens), typed, start, end }
}

/// What follows these tokens.
fn expected(tokens: &[Token]) -> Expected {
    let mut state = Expected::Field;
    let mut waits_for_in = false;
    for token in tokens {
        let word = match &token.kind {
            Kind::Word(word) => Some(word.to_ascii_lowercase()),
            _ => None,
        };
        state = match (state, &token.kind, word.as_deref()) {
            (Expected::Field, Kind::Not | Kind::Open, _) | (Expected::Field, _, Some("not")) => {
                Expected::Field
            }
            (Expected::Field, Kind::Word(name), _) => match Field::parse(name) {
                Ok(field) => Expected::Operator(field),
                Err(_) => Expected::Nothing,
            },
            (Expected::Operator(field), _, Some("in" | "notin")) => {
                waits_for_in = false;
                Expected::Value { field, in_list: false }
            }
            (Expected::Operator(field), Kind::Not, _) | (Expected::Operator(field), _, Some("not")) => {
                waits_for_in = true;
                Expected::Operator(field)
            }
            (
                Expected::Operator(field),
                Kind::Equal | Kind::NotEqual | Kind::Below | Kind::AtMost | Kind::Above | Kind::AtLeast,
                _,
            )
            | (Expected::Operator(field), _, Some("has"))
                if !waits_for_in =>
            {
                Expected::Value { field, in_list: false }
            }
            (Expected::Value { field, in_list: false }, Kind::Open, _) => {
                Expected::Value { field, in_list: true }
            }
            (Expected::Value { in_list, .. }, Kind::Word(_) | Kind::Quoted(_), _) => {
                if in_list {
                    Expected::ListGoesOn
                } else {
                    Expected::Joint
                }
            }
            (Expected::ListGoesOn, Kind::Close, _) | (Expected::Joint, Kind::Close, _) => Expected::Joint,
            (Expected::ListGoesOn, Kind::Comma, _) => match field_of_list(tokens, token) {
                Some(field) => Expected::Value { field, in_list: true },
                None => Expected::Nothing,
            },
            (Expected::Joint, Kind::And | Kind::Or, _) | (Expected::Joint, _, Some("and" | "or")) => {
                Expected::Field
            }
            _ => return Expected::Nothing,
        };
    }
    state
}

/// The field before the list that a comma is in.
fn field_of_list(tokens: &[Token], comma: &Token) -> Option<Field> {
    let before: Vec<_> = tokens.iter().take_while(|token| token.position < comma.position).collect();
    let open = before.iter().rposition(|token| token.kind == Kind::Open)?;
    before.get(..open)?.iter().rev().find_map(|token| match &token.kind {
        Kind::Word(word) if !matches!(word.to_ascii_lowercase().as_str(), "in" | "not" | "notin") => {
            Field::parse(word).ok()
        }
        _ => None,
    })
}

/// What the language itself can offer at a place: fields, comparisons, joints, and the values that are words of its own.
pub fn offers(place: &Place) -> Vec<Offer> {
    let typed = place.typed.to_lowercase();
    match &place.expected {
        Expected::Field => fields(&typed),
        Expected::Operator(field) => operators(*field, &typed),
        Expected::Value { field: Field::Direction, .. } => {
            let names = Direction::ALL.map(|direction| (direction.name(), direction_note(direction)));
            words(&names, &typed)
        }
        Expected::Joint => words(&[("and", "both must hold"), ("or", "one must hold")], &typed),
        Expected::ListGoesOn => words(&[(",", "another value"), (")", "the list ends")], &typed),
        Expected::Value { .. } | Expected::Nothing => Vec::new(),
    }
}

/// A value as it is written in a filter.
pub fn value(text: &str) -> String {
    let is_word = !text.is_empty()
        && text.chars().all(lexer::is_of_word)
        && !text.contains("--")
        && !text.contains("/*");
    if is_word { text.to_owned() } else { Quoted(text).to_string() }
}

/// The text with an offer written at its place, and the caret behind it.
pub fn accept(text: &str, place: &Place, insert: &str) -> (String, usize) {
    let characters: Vec<char> = text.chars().collect();
    let part =
        |from: usize, to: usize| characters.get(from.min(to)..to.min(characters.len())).unwrap_or_default();
    let mut written: String = part(0, place.start).iter().collect();
    let glued = matches!(insert, "," | ")");
    if glued {
        written.truncate(written.trim_end().len());
    } else if written
        .ends_with(|character: char| !character.is_whitespace() && character != '(' && character != '!')
    {
        written.push(' ');
    }
    written.push_str(insert);
    let rest: String = part(place.end, characters.len()).iter().collect();
    let in_list = matches!(place.expected, Expected::Value { in_list: true, .. });
    let wants_space = !insert.ends_with('(') && !(in_list || rest.starts_with([' ', ')', ',']));
    if wants_space {
        written.push(' ');
    }
    let caret = written.chars().count() + usize::from(!wants_space && !in_list && rest.starts_with(' '));
    (written + &rest, caret)
}

fn fields(typed: &str) -> Vec<Offer> {
    let (prefix, stem) = typed.split_once('.').map_or((None, typed), |(prefix, stem)| (Some(prefix), stem));
    let meant = |name: &str| Field::parse(name).ok().filter(|field| field.to_string() != name);
    // What is typed may be another name of a field.
    let alias = ["host", "ip", "net", "network", "addr", "asn", "proto"]
        .into_iter()
        .filter(|alias| !stem.is_empty() && alias.starts_with(stem))
        .find_map(meant);
    let mut offers = Vec::new();
    for end in End::ALL {
        for (name, has_ends, _) in FIELDS {
            let full = format!("{}{name}", end.prefix());
            let Ok(field) = Field::parse(&full) else { continue };
            let is_alias = alias.is_some_and(|alias| alias.to_string() == name);
            let is_meant = match prefix {
                Some(_) => {
                    full.starts_with(typed)
                        || (end.prefix().starts_with(prefix.unwrap_or_default()) && is_alias)
                }
                None => name.starts_with(stem) || is_alias || (!stem.is_empty() && full.starts_with(stem)),
            };
            let is_offered = (end == End::Either || has_ends) && is_meant;
            if is_offered && (end == End::Either || !typed.is_empty()) {
                let of = if prefix.is_none() && end != End::Either { end_note(end) } else { "" };
                let note = format!("{}{of}", field.meaning());
                offers.push(Offer { insert: full.clone(), shown: full, note });
            }
        }
    }
    for name in ["in.interface", "out.interface"] {
        let is_meant = !typed.is_empty() && (name.starts_with(typed) || "interface".starts_with(typed));
        if let (true, Ok(field)) = (is_meant, Field::parse(name)) {
            offers.push(Offer {
                insert: name.to_owned(),
                shown: name.to_owned(),
                note: field.meaning().to_owned(),
            });
        }
    }
    offers
}

const fn end_note(end: End) -> &'static str {
    match end {
        End::Either => "",
        End::Source => ", of the source",
        End::Destination => ", of the destination",
        End::Outside => ", of the end outside of the home networks",
        End::Home => ", of the end in a home network",
    }
}

const fn direction_note(direction: Direction) -> &'static str {
    match direction {
        Direction::Inbound => "from outside to a home network",
        Direction::Outbound => "from a home network to the outside",
        Direction::Internal => "between home networks",
        Direction::Transit => "neither end is in a home network",
    }
}

fn operators(field: Field, typed: &str) -> Vec<Offer> {
    let equals = match field {
        Field::TcpFlags => ("=", "exactly these flags"),
        Field::Address(_) | Field::Exporter => ("=", "is, or is in the network"),
        _ => ("=", "is"),
    };
    let mut all = vec![equals, ("!=", "is not")];
    if field == Field::TcpFlags {
        all.push(("has", "these flags are set, others may be"));
    }
    all.extend([("in (", "is one of a list"), ("not in (", "is none of a list")]);
    if field.is_ordered() {
        all.extend([
            ("<", "is less than"),
            ("<=", "is at most"),
            (">", "is more than"),
            (">=", "is at least"),
        ]);
    }
    words(&all, typed)
}

fn words(all: &[(&str, &str)], typed: &str) -> Vec<Offer> {
    let meant = all.iter().filter(|(word, _)| word.starts_with(typed));
    meant
        .map(|(word, note)| Offer {
            insert: (*word).to_owned(),
            shown: word.trim_end_matches(" (").to_owned(),
            note: (*note).to_owned(),
        })
        .collect()
}

/// Characters of so many UTF-16 units, in which browsers count.
pub fn characters_of(text: &str, units: usize) -> usize {
    let mut seen = 0;
    text.chars()
        .take_while(|character| {
            seen += character.len_utf16();
            seen <= units
        })
        .count()
}

/// UTF-16 units of so many characters.
pub fn units_of(text: &str, characters: usize) -> usize {
    text.chars().take(characters).map(char::len_utf16).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The place of the `|` in a text.
    fn at(marked: &str) -> Place {
        let caret = marked.chars().position(|character| character == '|').unwrap();
        place(&marked.replacen('|', "", 1), caret)
    }

    fn value_of(name: &str, in_list: bool) -> Expected {
        Expected::Value { field: Field::parse(name).unwrap(), in_list }
    }

    #[test]
    fn the_caret_says_what_is_expected_and_what_is_replaced() {
        let operator = |name| Expected::Operator(Field::parse(name).unwrap());
        let table: &[(&str, Expected, &str, usize, usize)] = &[
            ("|", Expected::Field, "", 0, 0),
            ("po|", Expected::Field, "po", 0, 2),
            ("po|rt = 80", Expected::Field, "po", 0, 4),
            ("not |", Expected::Field, "", 4, 4),
            ("(src.c|", Expected::Field, "src.c", 1, 6),
            ("port |", operator("port"), "", 5, 5),
            ("port n|", operator("port"), "n", 5, 6),
            ("port not |", operator("port"), "", 9, 9),
            ("port =|", value_of("port", false), "", 6, 6),
            ("port = |", value_of("port", false), "", 7, 7),
            ("port = 4|43", value_of("port", false), "4", 7, 10),
            ("port in |", value_of("port", false), "", 8, 8),
            ("port in (|", value_of("port", true), "", 9, 9),
            ("port in (80, 4|)", value_of("port", true), "4", 13, 14),
            ("port in (80 |", Expected::ListGoesOn, "", 12, 12),
            ("port in (80) |", Expected::Joint, "", 13, 13),
            ("port = 80 a|", Expected::Joint, "a", 10, 11),
            ("port = 80 and |", Expected::Field, "", 14, 14),
            ("port = 80 and |src.as = 1", Expected::Field, "", 14, 14),
            ("city = \"New Y|", value_of("city", false), "New Y", 7, 13),
            ("city = \"New Y|ork\" and port = 1", value_of("city", false), "New Y", 7, 17),
            ("city = \"New Y| and port = 1", value_of("city", false), "New Y", 7, 13),
            ("city = 'Köln' |", Expected::Joint, "", 14, 14),
            ("flags has s|", value_of("flags", false), "s", 10, 11),
            ("not (port = 1 or dst.country in (DE, |", value_of("dst.country", true), "", 37, 37),
            ("nonsense |", Expected::Nothing, "", 9, 9),
            ("port = 80 /* |", Expected::Nothing, "", 13, 13),
            ("city = \"x\"|", Expected::Nothing, "", 10, 10),
        ];
        for (text, expected, typed, start, end) in table {
            let found = at(text);
            assert_eq!((&found.expected, found.typed.as_str()), (expected, *typed), "{text}");
            if *expected != Expected::Nothing {
                assert_eq!((found.start, found.end), (*start, *end), "{text}");
            }
        }
    }

    #[test]
    fn what_is_offered_fits_what_is_typed() {
        let shown = |text: &str| offers(&at(text)).into_iter().map(|offer| offer.shown).collect::<Vec<_>>();
        assert_eq!(shown("|").len(), FIELDS.len());
        assert_eq!(
            shown("cou|"),
            ["country", "src.country", "dst.country", "outside.country", "home.country"]
        );
        assert_eq!(shown("src.c|"), ["src.country", "src.city"]);
        assert_eq!(shown("out|").first().map(String::as_str), Some("outside.address"));
        assert_eq!(shown("hos|").first().map(String::as_str), Some("address"));
        assert_eq!(shown("country |"), ["=", "!=", "in", "not in"]);
        assert_eq!(shown("flags h|"), ["has"]);
        assert_eq!(shown("bytes >|"), Vec::<String>::new());
        assert_eq!(shown("direction = in|"), ["inbound", "internal"]);
        assert_eq!(shown("port = 80 |"), ["and", "or"]);
        for offer in offers(&at("|")).into_iter().chain(offers(&at("src.|"))) {
            assert!(Field::parse(&offer.insert).is_ok() && !offer.note.is_empty(), "{offer:?}");
        }
    }

    #[test]
    fn an_accepted_offer_leaves_the_caret_where_one_goes_on_writing() {
        let table = [
            ("po|", "port", "port |"),
            ("po|rt = 80", "port", "port |= 80"),
            ("port |", "=", "port = |"),
            ("port|", "=", "port = |"),
            ("port |", "in (", "port in (|"),
            ("port in (8|", "80", "port in (80|"),
            ("port in (80 |", ",", "port in (80, |"),
            ("port in (80|", ")", "port in (80) |"),
            ("city = New|", "\"New York\"", "city = \"New York\" |"),
            ("city = \"Ne|w\" and port = 1", "\"New York\"", "city = \"New York\" |and port = 1"),
            ("(|)", "port", "(port|)"),
        ];
        for (marked, insert, wanted) in table {
            let text = marked.replacen('|', "", 1);
            let mut place = at(marked);
            if marked == "port|" || marked == "port in (80|" {
                let end = text.chars().count();
                place = Place { expected: Expected::ListGoesOn, typed: String::new(), start: end, end };
            }
            let (written, caret) = accept(&text, &place, insert);
            let mut shown: Vec<char> = written.chars().collect();
            shown.insert(caret, '|');
            assert_eq!(shown.into_iter().collect::<String>(), wanted, "{marked}");
        }
        assert_eq!(
            (value("DE").as_str(), value("New York").as_str(), value("").as_str()),
            ("DE", "\"New York\"", "\"\"")
        );
    }

    #[test]
    fn carets_of_a_browser_are_counted_in_utf_16() {
        assert_eq!((characters_of("a🦀b", 3), units_of("a🦀b", 2)), (2, 3));
        assert_eq!((characters_of("ab", 99), units_of("ab", 99)), (2, 2));
    }

    #[test]
    fn no_caret_in_any_text_makes_it_panic() {
        for text in ["port in (80, \"ö🦀", "city = 'a' and not (", "-- x", "a /* b", "&", "flags has s+"] {
            for caret in 0..text.chars().count() + 2 {
                let place = place(text, caret);
                for offer in offers(&place) {
                    let (written, caret) = accept(text, &place, &offer.insert);
                    assert!(caret <= written.chars().count());
                }
            }
        }
    }
}
