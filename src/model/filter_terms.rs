//! A filter as the terms a user put together: what the chips below the filter box show, add and take away.
//!
//! This works on the text alone, so that what the user typed stays as typed.

/// The terms that `and` joins at the top level; a filter with `or` at the top level is one term.
pub fn terms(filter: &str) -> Vec<String> {
    let filter = filter.trim();
    if filter.is_empty() {
        return Vec::new();
    }
    if !split(filter, "or").is_empty_or_one() {
        return vec![filter.to_owned()];
    }
    split(filter, "and").0.into_iter().map(str::to_owned).collect()
}

/// The filter with `term` required in addition; unchanged when it is required already. Where a flow has only
/// one value of the field, the term takes the place of another value: nothing could pass both.
pub fn with_term(filter: &str, term: &str) -> String {
    let mut terms = terms(filter);
    if terms.is_empty() {
        return term.to_owned();
    }
    if let Some(field) = single_valued(term)
        && let Some(other) = terms.iter_mut().find(|other| single_valued(other) == Some(field))
    {
        term.clone_into(other);
        return terms.join(" and ");
    }
    if terms.iter().any(|present| present.eq_ignore_ascii_case(term)) {
        return filter.trim().to_owned();
    }
    if split(filter.trim(), "or").is_empty_or_one() {
        format!("{} and {term}", filter.trim())
    } else {
        format!("({}) and {term}", filter.trim())
    }
}

/// The field of `field = value`, if a flow has only one value of it.
fn single_valued(term: &str) -> Option<&str> {
    let field = term.split_once(" = ")?.0.trim();
    // An address is in many networks, and a bare field stands for either end.
    let is_single = matches!(field, "direction" | "protocol" | "exporter")
        || matches!(field.split_once('.'), Some(("src" | "dst", property)) if property != "net");
    is_single.then_some(field)
}

/// The filter without the term at `position` of [`terms`].
pub fn without_term(filter: &str, position: usize) -> String {
    let mut terms = terms(filter);
    if position < terms.len() {
        terms.remove(position);
    }
    terms.join(" and ")
}

struct Parts<'a>(Vec<&'a str>);

impl Parts<'_> {
    const fn is_empty_or_one(&self) -> bool {
        self.0.len() < 2
    }
}

/// Splits at `word`, where it stands alone outside of quotes and parentheses.
fn split<'a>(filter: &'a str, word: &str) -> Parts<'a> {
    let mut parts = Vec::new();
    let mut begin = 0;
    let mut depth = 0_u32;
    let mut quote = None;
    let mut word_begin = None;
    for (position, character) in filter.char_indices().chain([(filter.len(), ' ')]) {
        if quote.is_some() {
            if quote == Some(character) {
                quote = None;
            }
            continue;
        }
        if character.is_ascii_alphanumeric() || matches!(character, '_' | '.') {
            word_begin = word_begin.or(Some(position));
            continue;
        }
        if let Some(from) = word_begin.take()
            && depth == 0
            && filter.get(from..position).is_some_and(|found| found.eq_ignore_ascii_case(word))
        {
            parts.extend(filter.get(begin..from).map(str::trim));
            begin = position;
        }
        match character {
            '"' | '\'' => quote = Some(character),
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    parts.extend(filter.get(begin..).map(str::trim));
    Parts(parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terms_are_split_at_the_top_level_only() {
        assert_eq!(terms(""), Vec::<String>::new());
        assert_eq!(terms("port = 53"), ["port = 53"]);
        assert_eq!(
            terms("port = 53 AND (as = 1 or as = 2 and port = 1)"),
            ["port = 53", "(as = 1 or as = 2 and port = 1)"]
        );
        assert_eq!(terms("a = 1 and b = 2 or c = 3"), ["a = 1 and b = 2 or c = 3"]);
    }

    #[test]
    fn a_word_in_quotes_joins_nothing() {
        assert_eq!(
            terms(r#"country = "this and that" and port = 1"#),
            [r#"country = "this and that""#, "port = 1"]
        );
    }

    #[test]
    fn a_term_is_added_once() {
        assert_eq!(with_term("", "port = 53"), "port = 53");
        assert_eq!(with_term("as = 1", "port = 53"), "as = 1 and port = 53");
        assert_eq!(with_term("as = 1 and port = 53", "PORT = 53"), "as = 1 and port = 53");
    }

    #[test]
    fn another_value_of_what_a_flow_has_once_takes_the_place_of_the_first() {
        let inbound = "as = 1 and direction = inbound and port = 53";
        assert_eq!(
            with_term(inbound, "direction = outbound"),
            "as = 1 and direction = outbound and port = 53"
        );
        assert_eq!(with_term("country = DE", "country = FR"), "country = DE and country = FR");
        assert_eq!(
            with_term("src.net = 10.0.0.0/8", "src.country = DE"),
            "src.net = 10.0.0.0/8 and src.country = DE"
        );
    }

    #[test]
    fn a_term_added_to_an_or_restricts_both_sides() {
        assert_eq!(with_term("as = 1 or as = 2", "port = 53"), "(as = 1 or as = 2) and port = 53");
    }

    #[test]
    fn taking_a_term_away_leaves_the_others() {
        assert_eq!(without_term("as = 1 and port = 53 and country = DE", 1), "as = 1 and country = DE");
        assert_eq!(without_term("as = 1", 0), "");
        assert_eq!(without_term("as = 1", 7), "as = 1");
    }
}
